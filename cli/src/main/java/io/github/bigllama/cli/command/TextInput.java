package io.github.bigllama.cli.command;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.cli.process.CommandException;
import java.util.ArrayList;
import java.util.List;

/**
 * A text that something is computed for.
 *
 * @param line the number of its line, from 1
 * @param kept what the result repeats: the text, or the object that it was in
 */
record TextInput(int line, String text, ObjectNode kept) {
    /** The key of the text, in the input and in the result. */
    static final String TEXT = "text";

    /**
     * The texts of lines.
     *
     * @param keepsBlank whether a blank line is a text; one of JSON is none
     * @param what the name of a text in messages, for example {@code document}
     * @param isJson whether each line is a JSON string, or an object with a text
     * @param results the keys that the result adds to an object
     * @throws CommandException if there is none, or one is not as it should be
     */
    static List<TextInput> of(
            String what,
            List<String> lines,
            boolean isJson,
            boolean keepsBlank,
            List<String> results) {
        List<TextInput> inputs = new ArrayList<>();
        int number = 0;
        for (String line : lines) {
            number++;
            if (!line.isBlank() || keepsBlank && !isJson) {
                inputs.add(isJson ? parse(number, line, results) : plain(number, line));
            }
        }
        if (inputs.isEmpty()) {
            throw CommandException.usage(
                    "there is no "
                            + what
                            + "; give it as an argument, with --file, or through a pipe");
        }
        return inputs;
    }

    private static TextInput plain(int number, String text) {
        return new TextInput(number, text, JsonNodeFactory.instance.objectNode().put(TEXT, text));
    }

    private static TextInput parse(int number, String line, List<String> results) {
        JsonLine.Complaint complaint = (column, reason) -> wrong(number, column, reason);
        JsonNode node = JsonLine.parse(line, complaint);
        if (node.isTextual()) {
            return plain(number, node.textValue());
        }
        if (!node.path(TEXT).isTextual()) {
            throw wrong(
                    number,
                    "",
                    node.has(TEXT)
                            ? "its \"text\" is " + JsonLine.kind(node.get(TEXT))
                            : "it has no \"text\"");
        }
        ObjectNode object = (ObjectNode) node;
        JsonLine.requireFree(object, results, complaint);
        return new TextInput(number, node.get(TEXT).textValue(), object);
    }

    private static CommandException wrong(int line, String column, String reason) {
        return CommandException.usage(
                "line "
                        + line
                        + column
                        + ": "
                        + reason
                        + "; a line is a string, or an object with \"text\" and keys of your own,"
                        + " which are kept");
    }
}
