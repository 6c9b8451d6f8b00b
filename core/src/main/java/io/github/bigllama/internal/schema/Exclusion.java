package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.schema.value.Validator;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.StreamSupport;

/** Proves that no value of a rewritten schema is valid for another schema, if it can. */
final class Exclusion {
    private static final int MOST_DEPTH = 16;

    private final References references;
    private final Validator validator;
    private final ObjectNode definitions;
    private int depth;

    Exclusion(References references, Validator validator, ObjectNode definitions) {
        this.references = references;
        this.validator = validator;
        this.definitions = definitions;
    }

    /** False if it is not so, or can't be proved. */
    boolean holds(JsonNode lowered, Place place) {
        if (depth >= MOST_DEPTH) {
            return false;
        }
        depth++;
        try {
            return excludes(lowered, place);
        } finally {
            depth--;
        }
    }

    private boolean excludes(JsonNode lowered, Place place) {
        if (lowered.has("$ref")) {
            String name = lowered.get("$ref").asText().substring("#/$defs/".length());
            return definitions.has(name) && holds(definitions.get(name), place);
        }
        if (lowered.has("anyOf")) {
            return all(lowered.get("anyOf"), part -> holds(part, place));
        }
        if (lowered.has("enum")) {
            return all(
                    lowered.get("enum"),
                    value -> !validator.errors(place.pointer(), value).isEmpty());
        }
        Facts facts;
        try {
            facts = new Facts(references, List.of(place), Set.of());
        } catch (Unsatisfiable e) {
            return true;
        }
        return isOfOtherTypes(lowered, facts)
                || (lowered.has("properties") && lacksOrDiffers(lowered, facts))
                || facts.alternative()
                        .map(any -> any.elements().stream().allMatch(p -> holds(lowered, p)))
                        .orElse(false);
    }

    private static boolean all(JsonNode array, Predicate<JsonNode> predicate) {
        return StreamSupport.stream(array.spliterator(), false).allMatch(predicate);
    }

    private static boolean isOfOtherTypes(JsonNode lowered, Facts facts) {
        Set<Types> own = EnumSet.noneOf(Types.class);
        if (lowered.has("const")) {
            own.add(Types.NUMBER); // The constant stands for a rule of NumberRange.
        } else if (lowered.has("type")) {
            own.addAll(Types.of(new Place("#", lowered).child("type")));
        } else {
            return false;
        }
        for (Place type : facts.all("type")) {
            Set<Types> other = Types.of(type);
            if (other.contains(Types.NUMBER) || other.contains(Types.INTEGER)) {
                other.addAll(EnumSet.of(Types.NUMBER, Types.INTEGER));
            }
            if (other.stream().noneMatch(own::contains)) {
                return true;
            }
        }
        return facts.values().filter(values -> areOfOtherTypes(values, own)).isPresent();
    }

    private static boolean areOfOtherTypes(Place values, Set<Types> own) {
        if (!own.equals(EnumSet.of(Types.OBJECT))) {
            return false;
        }
        JsonNode node = values.schema();
        return values.pointer().endsWith("/enum")
                ? all(node, value -> !value.isObject())
                : !node.isObject();
    }

    /**
     * Whether objects lack a property that the other schema requires, or have one that it refuses.
     */
    private boolean lacksOrDiffers(JsonNode lowered, Facts facts) {
        JsonNode properties = lowered.get("properties");
        for (Place schema : facts.schemas()) {
            for (JsonNode name : schema.schema().path("required")) {
                if (!properties.has(name.asText())) {
                    return true;
                }
            }
            for (JsonNode name : lowered.path("required")) {
                String text = name.asText();
                boolean isListed = schema.schema().path("properties").has(text);
                if (isListed
                        && holds(properties.get(text), schema.child("properties").child(text))) {
                    return true;
                }
                JsonNode others = schema.schema().path("additionalProperties");
                if (!isListed
                        && !schema.has("patternProperties")
                        && others.isBoolean()
                        && !others.asBoolean()) {
                    return true;
                }
            }
        }
        return false;
    }
}
