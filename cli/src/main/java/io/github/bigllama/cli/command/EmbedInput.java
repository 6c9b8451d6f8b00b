package io.github.bigllama.cli.command;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.cli.process.CommandException;
import java.util.ArrayList;
import java.util.List;

/**
 * A text to turn into a vector.
 *
 * @param line the number of its line, from 1
 * @param kept what the result repeats: the text, or the object that it was in
 */
record EmbedInput(int line, String text, ObjectNode kept) {
    /** The keys of the input and of the result. */
    static final String TEXT = "text";

    static final String EMBEDDING = "embedding";

    private static final JsonMapper MAPPER =
            JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    /**
     * The texts of lines; blank ones are left out.
     *
     * @param isJson whether each line is a JSON string, or an object with a text
     * @throws CommandException if there is none, or one is not as it should be
     */
    static List<EmbedInput> of(String lines, boolean isJson) {
        List<EmbedInput> inputs = new ArrayList<>();
        int number = 0;
        for (String line : lines.split("\\R", -1)) {
            number++;
            if (!line.isBlank()) {
                inputs.add(isJson ? parse(number, line) : plain(number, line));
            }
        }
        if (inputs.isEmpty()) {
            throw CommandException.usage(
                    "there is no text; give it as an argument, with --file, or through a pipe");
        }
        return inputs;
    }

    private static EmbedInput plain(int number, String text) {
        return new EmbedInput(number, text, MAPPER.createObjectNode().put(TEXT, text));
    }

    private static EmbedInput parse(int number, String line) {
        JsonNode node;
        try {
            node = MAPPER.readTree(line);
        } catch (JsonProcessingException e) {
            throw wrong(number, "it is not JSON: " + e.getOriginalMessage());
        }
        if (node.isTextual()) {
            return plain(number, node.textValue());
        }
        if (!node.isObject() || !node.path(TEXT).isTextual()) {
            throw wrong(number, "it has no \"text\"");
        }
        if (node.has(EMBEDDING)) {
            throw wrong(number, "\"embedding\" is a key of the result; give it another name");
        }
        return new EmbedInput(number, node.get(TEXT).textValue(), (ObjectNode) node);
    }

    private static CommandException wrong(int line, String reason) {
        return CommandException.usage(
                "line "
                        + line
                        + ": "
                        + reason
                        + "; a line is a string, or an object with \"text\" and keys of your own,"
                        + " which are kept");
    }
}
