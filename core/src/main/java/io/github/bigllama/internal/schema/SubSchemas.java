package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.internal.schema.value.Patterns;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Checks all parts of a schema for errors that a validator would find only with a value: references
 * to other documents or to nothing, and invalid patterns.
 */
final class SubSchemas {
    private static final Set<String> NAMED =
            Set.of("$defs", "definitions", "dependentSchemas", "patternProperties", "properties");
    private static final Set<String> LISTED = Set.of("allOf", "anyOf", "oneOf", "prefixItems");
    private static final Set<String> SINGLE =
            Set.of(
                    "additionalProperties",
                    "contains",
                    "else",
                    "if",
                    "items",
                    "not",
                    "propertyNames",
                    "then",
                    "unevaluatedItems",
                    "unevaluatedProperties");

    private final References references;

    private SubSchemas(References references) {
        this.references = references;
    }

    /**
     * Checks a schema.
     *
     * @throws IllegalArgumentException with the pointer of the invalid keyword
     */
    static void check(JsonNode root) {
        new SubSchemas(new References(root)).visit(new Place("#", root));
    }

    private void visit(Place schema) {
        for (Map.Entry<String, JsonNode> entry : schema.schema().properties()) {
            String name = entry.getKey();
            Place keyword = schema.child(name);
            if (SINGLE.contains(name)) {
                visit(keyword);
            } else if (LISTED.contains(name)) {
                keyword.elements().forEach(this::visit);
            } else if (NAMED.contains(name)) {
                for (Map.Entry<String, JsonNode> part : keyword.schema().properties()) {
                    visit(keyword.child(part.getKey()));
                }
            }
            check(name, keyword);
        }
    }

    private void check(String name, Place keyword) {
        switch (name) {
            case "$ref" -> references.target(keyword);
            case "$dynamicRef" -> {
                if (!keyword.schema().asText().startsWith("#")) {
                    throw keyword.fail("only references within the schema can be followed");
                }
            }
            case "pattern" -> compile(keyword, List.of(keyword.schema().asText()));
            case "patternProperties" ->
                    compile(
                            keyword,
                            keyword.schema().properties().stream().map(Map.Entry::getKey).toList());
            default -> {}
        }
    }

    private static void compile(Place keyword, List<String> patterns) {
        for (String pattern : patterns) {
            try {
                Patterns.compile(pattern);
            } catch (IllegalArgumentException e) {
                throw keyword.fail(e.getMessage());
            }
        }
    }
}
