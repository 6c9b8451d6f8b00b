package io.github.bigllama.cli.command;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.StringJoiner;

/** The forms in which a vector is printed, a line each. */
enum EmbedOutput {
    PLAIN,
    CSV,
    JSON;

    /** The key of a vector. */
    static final String EMBEDDING = "embedding";

    /** A vector as a line without its end. */
    String line(TextInput input, MemorySegment vector) {
        float[] elements = vector.toArray(ValueLayout.JAVA_FLOAT);
        if (this == JSON) {
            ObjectNode node = input.kept().deepCopy();
            ArrayNode array = node.putArray(EMBEDDING);
            for (float element : elements) {
                array.add(element);
            }
            return node.toString();
        }
        StringJoiner line = new StringJoiner(this == CSV ? "," : " ");
        for (float element : elements) {
            line.add(Float.toString(element));
        }
        return line.toString();
    }
}
