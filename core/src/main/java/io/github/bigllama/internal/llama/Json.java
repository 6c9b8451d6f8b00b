package io.github.bigllama.internal.llama;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** JSON of models, templates and session files. */
public final class Json {
    public static final JsonMapper MAPPER =
            JsonMapper.builder().disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES).build();

    private Json() {}

    public static ObjectNode object() {
        return MAPPER.createObjectNode();
    }

    public static ArrayNode array() {
        return MAPPER.createArrayNode();
    }

    /** Parses JSON that this library or llama.cpp has written. */
    public static JsonNode read(String text) {
        try {
            return MAPPER.readTree(text);
        } catch (JacksonException e) {
            throw new IllegalStateException("not JSON: " + reason(e), e);
        }
    }

    /** The error in a text, and its place. */
    public static String reason(JacksonException e) {
        String message =
                e.getOriginalMessage().replaceFirst("(?s)( \\(start marker at |\\n at \\[).*", "");
        return e.getLocation() == null
                ? message
                : String.format(
                        Locale.ROOT,
                        "%s (line %d, column %d)",
                        message,
                        e.getLocation().getLineNr(),
                        e.getLocation().getColumnNr());
    }

    public static List<String> texts(JsonNode array) {
        List<String> texts = new ArrayList<>();
        array.forEach(node -> texts.add(node.asText()));
        return texts;
    }
}
