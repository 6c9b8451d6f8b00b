package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.internal.schema.value.Formats;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/** The types of JSON values, and the keywords that apply to each. */
enum Types {
    OBJECT(
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
            "maxProperties",
            "dependentSchemas",
            "dependentRequired",
            "dependencies",
            "unevaluatedProperties"),
    ARRAY(
            "items",
            "prefixItems",
            "minItems",
            "maxItems",
            "uniqueItems",
            "contains",
            "additionalItems",
            "unevaluatedItems"),
    STRING("minLength", "maxLength", "pattern", "format"),
    NUMBER("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    INTEGER,
    BOOLEAN,
    NULL;

    /** Unsupported keywords of any type. */
    static final List<String> UNSUPPORTED = List.of("not", "if", "$dynamicRef", "$recursiveRef");

    private final List<String> keywords;

    Types(String... keywords) {
        this.keywords = List.of(keywords);
    }

    String text() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The types that a value may have; none for any.
     *
     * <p>Without {@code type} the other keywords show which types are meant.
     *
     * @throws Unsatisfiable if several lists of types have none in common
     */
    static Set<Types> of(Facts facts) {
        if (!facts.has("type")) {
            Set<Types> meant = EnumSet.noneOf(Types.class);
            for (Types type : values()) {
                if (type.keywords.stream().anyMatch(keyword -> type.isMeantBy(facts, keyword))) {
                    meant.add(type);
                }
            }
            return meant;
        }
        Set<Types> common = EnumSet.allOf(Types.class);
        for (Place place : facts.all("type")) {
            Set<Types> wished = of(place);
            if (wished.contains(NUMBER)) {
                wished.add(INTEGER);
            }
            common.retainAll(wished);
        }
        if (common.contains(NUMBER)) {
            common.remove(INTEGER);
        }
        if (common.isEmpty()) {
            throw new Unsatisfiable(
                    facts.all("type").getFirst().pointer(), "the types have nothing in common");
        }
        return common;
    }

    private boolean isMeantBy(Facts facts, String keyword) {
        return facts.all(keyword).stream()
                .anyMatch(
                        place ->
                                !keyword.equals("format")
                                        || Formats.isOfStrings(place.schema().asText()));
    }

    static Set<Types> of(Place place) {
        Set<Types> wished = EnumSet.noneOf(Types.class);
        List<JsonNode> texts =
                place.schema().isArray() ? List.copyOf(nodes(place)) : List.of(place.schema());
        for (JsonNode text : texts) {
            wished.add(one(place, text.asText()));
        }
        return wished;
    }

    private static List<JsonNode> nodes(Place place) {
        return place.elements().stream().map(Place::schema).toList();
    }

    private static Types one(Place place, String text) {
        for (Types type : values()) {
            if (type.text().equals(text)) {
                return type;
            }
        }
        throw place.fail("there is no type " + text);
    }
}
