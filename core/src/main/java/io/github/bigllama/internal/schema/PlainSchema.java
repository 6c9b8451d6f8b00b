package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Set;

/**
 * Checks whether llama.cpp makes a valid grammar of a schema without rewriting, even if not one
 * that enforces all of it. Then the model may read the schema as its author wrote it.
 */
final class PlainSchema {
    private static final int MOST_REPETITIONS = 1000;
    private static final double LARGE = 1e15;

    private static final Set<String> REWRITTEN =
            Set.of(
                    "$ref",
                    "$defs",
                    "definitions",
                    "allOf",
                    "pattern",
                    "prefixItems",
                    "$dynamicRef");

    private PlainSchema() {}

    static boolean isPlain(JsonNode schema) {
        return schema.isObject()
                && schema.properties().stream().allMatch(PlainSchema::isPlain)
                && !(schema.has("anyOf") && schema.has("oneOf"))
                && !(hasAlternatives(schema) && schema.has("properties"))
                && isOrdered(schema, "minLength", "maxLength")
                && isOrdered(schema, "minItems", "maxItems")
                && isOrdered(schema, "minimum", "maximum")
                && areListed(schema);
    }

    private static boolean isPlain(Map.Entry<String, JsonNode> keyword) {
        JsonNode value = keyword.getValue();
        return switch (keyword.getKey()) {
            case "properties" ->
                    value.properties().stream().allMatch(property -> isPlain(property.getValue()));
            case "items" -> isPlain(value);
            case "anyOf", "oneOf" -> areAllPlain(value);
            case "additionalProperties" -> value.isBoolean() && !value.asBoolean();
            case "enum" -> areExact(value);
            case "const" -> isExact(value);
            case "minLength", "maxLength", "minItems", "maxItems" ->
                    value.isIntegralNumber() && value.asDouble() <= MOST_REPETITIONS;
            case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum" ->
                    Math.abs(value.asDouble()) <= LARGE;
            default -> !REWRITTEN.contains(keyword.getKey());
        };
    }

    /** llama.cpp translates only these, and not the properties beside them. */
    private static boolean hasAlternatives(JsonNode schema) {
        return schema.has("anyOf") || schema.has("oneOf");
    }

    private static boolean areAllPlain(JsonNode schemas) {
        for (JsonNode schema : schemas) {
            if (!isPlain(schema)) {
                return false;
            }
        }
        return true;
    }

    private static boolean areExact(JsonNode values) {
        for (JsonNode value : values) {
            if (!isExact(value)) {
                return false;
            }
        }
        return true;
    }

    private static boolean isExact(JsonNode value) {
        try {
            Literals.check(new Place("#", value), value);
            return true;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static boolean isOrdered(JsonNode schema, String least, String most) {
        return !schema.has(least)
                || !schema.has(most)
                || schema.get(least).asDouble() <= schema.get(most).asDouble();
    }

    /** llama.cpp ignores required properties that are not listed. */
    private static boolean areListed(JsonNode schema) {
        for (JsonNode name : schema.path("required")) {
            if (!schema.path("properties").has(name.asText())) {
                return false;
            }
        }
        return true;
    }
}
