package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Finds schemas whose values always contain a value of the same schema: such an answer would never
 * end.
 */
final class Endless {
    private final Set<String> ending = new HashSet<>();

    private Endless() {}

    /**
     * Checks a schema.
     *
     * @throws IllegalArgumentException if it has no finite value
     */
    static void check(ObjectNode root, ObjectNode definitions) {
        Endless endless = new Endless();
        boolean hasGrown = true;
        while (hasGrown) {
            hasGrown = false;
            for (Map.Entry<String, JsonNode> definition : definitions.properties()) {
                if (!endless.ending.contains(definition.getKey())
                        && endless.ends(definition.getValue())) {
                    hasGrown = endless.ending.add(definition.getKey());
                }
            }
        }
        for (Map.Entry<String, JsonNode> definition : definitions.properties()) {
            if (!endless.ending.contains(definition.getKey())) {
                throw new IllegalArgumentException(
                        "#: '%s' always contains itself, without an end: make that part optional"
                                .formatted(definition.getKey().replaceFirst("X[0-9a-f]{8}$", "")));
            }
        }
        if (!endless.ends(root)) {
            throw new IllegalArgumentException(
                    "#: it always contains itself, without an end: " + "make that part optional");
        }
    }

    private boolean ends(JsonNode schema) {
        if (schema.has("$ref")) {
            return ending.contains(schema.get("$ref").asText().substring("#/$defs/".length()));
        }
        for (JsonNode part : schema.path("anyOf")) {
            if (ends(part)) {
                return true;
            }
        }
        if (schema.has("anyOf")) {
            return false;
        }
        for (JsonNode name : schema.path("required")) {
            if (!ends(schema.path("properties").path(name.asText()))) {
                return false;
            }
        }
        for (JsonNode element : schema.path("prefixItems")) {
            if (!ends(element)) {
                return false;
            }
        }
        return schema.path("minItems").asInt() == 0 || ends(schema.path("items"));
    }
}
