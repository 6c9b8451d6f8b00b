package io.github.bigllama.cli.command;

import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.cli.process.CommandException;
import java.util.List;
import java.util.Locale;

/** A line of input that is JSON: a string, or an object. */
final class JsonLine {
    private static final JsonMapper MAPPER =
            JsonMapper.builder()
                    .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build();

    private JsonLine() {}

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
        JsonNode node;
        try {
            node = MAPPER.readTree(line);
        } catch (JsonProcessingException e) {
            JsonLocation at = e.getLocation();
            throw complaint.of(
                    at == null ? "" : String.format(Locale.ROOT, ", column %d", at.getColumnNr()),
                    "it is not JSON: " + reason(e));
        }
        if (!node.isTextual() && !node.isObject()) {
            throw complaint.of("", "it is " + kind(node));
        }
        return node;
    }

    /** Without the names of Jackson's classes and settings, which come last. */
    private static String reason(JsonProcessingException e) {
        String message = e.getOriginalMessage().lines().findFirst().orElse("");
        int internal = Math.max(message.indexOf(" (for type"), message.indexOf(" (from `"));
        return internal < 0
                ? message.replaceAll("\\s*\\((?:start marker|`|set to|through)[^)]*\\)+", "")
                : message.substring(0, internal);
    }

    /** What a value is, in JSON's words. */
    static String kind(JsonNode node) {
        return node.getNodeType().name().toLowerCase(Locale.ROOT);
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
