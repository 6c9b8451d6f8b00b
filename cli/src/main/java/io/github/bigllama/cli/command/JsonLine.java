package io.github.bigllama.cli.command;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.io.JsonEOFException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.util.RawValue;
import io.github.bigllama.cli.process.CommandException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Locale;

/**
 * A line of input that is JSON: a string, or an object. Its numbers are kept as they are written,
 * because the result repeats them, and no type of Java has room for each: they are raw values.
 */
final class JsonLine {
    private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    /** As deep as Jackson writes. */
    private static final int MAX_DEPTH = 1000;

    /** Nothing is computed with numbers, so that long ones do no harm. */
    private static final JsonFactory FACTORY =
            JsonFactory.builder()
                    .streamReadConstraints(
                            StreamReadConstraints.builder()
                                    .maxNumberLength(Integer.MAX_VALUE)
                                    .maxStringLength(Integer.MAX_VALUE)
                                    .maxNameLength(Integer.MAX_VALUE)
                                    .maxNestingDepth(MAX_DEPTH + 2)
                                    .build())
                    .build();

    private final JsonParser parser;
    private final Complaint complaint;

    private JsonLine(JsonParser parser, Complaint complaint) {
        this.parser = parser;
        this.complaint = complaint;
    }

    /** Makes an error that names the line. */
    interface Complaint {
        /**
         * The error.
         *
         * @param column what is said of the place in the line; may be empty
         */
        CommandException of(String column, String reason);
    }

    /** The string, or the object, of a line. */
    static JsonNode parse(String line, Complaint complaint) {
        try (JsonParser parser = FACTORY.createParser(line)) {
            JsonNode node = new JsonLine(parser, complaint).whole();
            if (!node.isTextual() && !node.isObject()) {
                throw complaint.of("", "it is " + kind(node));
            }
            return node;
        } catch (JsonEOFException e) {
            throw complaint.of(column(e.getLocation()), "it is not JSON: it ends too early");
        } catch (JsonProcessingException e) {
            throw complaint.of(column(e.getLocation()), "it is not JSON from here on");
        } catch (IOException e) {
            throw new UncheckedIOException(e); // none is read from
        }
    }

    private static String column(JsonLocation at) {
        return String.format(Locale.ROOT, ", column %d", at.getColumnNr());
    }

    private JsonNode whole() throws IOException {
        parser.nextToken();
        JsonNode node = value(0);
        if (parser.nextToken() != null) {
            throw complaint.of(
                    column(parser.currentTokenLocation()), "there is more than one value in it");
        }
        return node;
    }

    private JsonNode value(int depth) throws IOException {
        if (depth > MAX_DEPTH) {
            throw complaint.of(
                    "",
                    String.format(
                            Locale.ROOT,
                            "it has more than %d arrays and objects in each other",
                            MAX_DEPTH));
        }
        JsonToken token = parser.currentToken();
        return switch (token) {
            case START_OBJECT -> object(depth);
            case START_ARRAY -> array(depth);
            case VALUE_STRING -> NODES.textNode(text());
            case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT ->
                    NODES.rawValueNode(new RawValue(parser.getText()));
            case VALUE_TRUE -> NODES.booleanNode(true);
            case VALUE_FALSE -> NODES.booleanNode(false);
            default -> NODES.nullNode();
        };
    }

    private ObjectNode object(int depth) throws IOException {
        ObjectNode object = NODES.objectNode();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = text();
            if (object.has(name)) {
                throw complaint.of(
                        column(parser.currentTokenLocation()),
                        "it has the key \"" + name + "\" twice");
            }
            parser.nextToken();
            object.set(name, value(depth + 1));
        }
        return object;
    }

    private ArrayNode array(int depth) throws IOException {
        ArrayNode array = NODES.arrayNode();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            array.add(value(depth + 1));
        }
        return array;
    }

    /** A key or a string, which JSON's escapes can give what no text in UTF-8 has. */
    private String text() throws IOException {
        String text = parser.getText();
        if (text.codePoints().anyMatch(c -> Character.getType(c) == Character.SURROGATE)) {
            throw complaint.of(
                    column(parser.currentTokenLocation()),
                    "a \\u escape in it is half of a pair, which is no character");
        }
        return text;
    }

    /** What a value is, in JSON's words. */
    static String kind(JsonNode node) {
        return switch (node.getNodeType()) {
            case ARRAY -> "an array";
            case OBJECT -> "an object";
            case STRING -> "a string";
            case BOOLEAN -> node.asText();
            case NULL -> "null";
            default -> "a number";
        };
    }

    /** Requires that an object has none of the keys that the result adds to it. */
    static void requireFree(ObjectNode object, List<String> results, Complaint complaint) {
        for (String key : results) {
            if (object.has(key)) {
                throw complaint.of(
                        "", "\"" + key + "\" is a key of the result; give it another name");
            }
        }
    }
}
