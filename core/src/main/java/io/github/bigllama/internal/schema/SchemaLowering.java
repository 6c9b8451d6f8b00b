package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.schema.value.Validator;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;

/**
 * Rewrites a schema to one that llama.cpp translates faithfully: every value of the new one is
 * valid for the old one. It may be narrower: objects only have the listed properties.
 */
final class SchemaLowering {
    static final JsonNodeFactory NODES = JsonNodeFactory.instance;

    private static final int MOST_PARTS = 20_000;
    private static final int MOST_DEPTH = 100;

    /** The keywords that llama.cpp reads; others may stay for readers of the schema. */
    private static final Set<String> TRANSLATED =
            Set.of(
                    "$ref",
                    "oneOf",
                    "anyOf",
                    "allOf",
                    "type",
                    "const",
                    "enum",
                    "properties",
                    "additionalProperties",
                    "required",
                    "items",
                    "prefixItems",
                    "minItems",
                    "maxItems",
                    "pattern",
                    "minLength",
                    "maxLength",
                    "$defs",
                    "definitions");

    /** Keywords that do not restrict the value. */
    private static final Set<String> ANNOTATIONS =
            Set.of(
                    "title",
                    "description",
                    "default",
                    "examples",
                    "$comment",
                    "deprecated",
                    "readOnly",
                    "writeOnly",
                    "$defs",
                    "definitions",
                    "$schema",
                    "$id");

    private final References references;
    private final Validator validator;
    private final Enforcement enforcement;
    private final String suffix;
    private final ObjectNode definitions = NODES.objectNode();
    private final Map<String, String> names = new HashMap<>();
    private final Map<String, Integer> open = new HashMap<>();
    private final Map<String, Unsatisfiable> empty = new HashMap<>();
    private final Map<String, String> holes = new LinkedHashMap<>();
    private final long firstHole;
    private int depth;
    private int parts;

    SchemaLowering(JsonNode root, Validator validator, Enforcement enforcement) {
        references = new References(root);
        this.validator = validator;
        this.enforcement = enforcement;
        String text = root.toString();
        // llama.cpp identifies definitions by their names, across the schemas of all tools.
        suffix = "X%08x".formatted(text.hashCode());
        long hole = 810_000_000_000_000L;
        while (text.contains(String.valueOf(hole / 1_000_000))) {
            hole += 1_000_000;
        }
        firstHole = hole;
    }

    /**
     * The rewritten schema.
     *
     * @throws IllegalArgumentException with the pointer of a keyword that can't be enforced
     */
    ObjectNode lower(List<Place> roots) {
        ObjectNode lowered = lower(roots, Set.of());
        Endless.check(lowered, definitions);
        if (!isCheckedLater() && lowered.path("properties").has("")) {
            // llama.cpp would confuse the rule of a property without a name with that of the whole.
            String name = name("#");
            definitions.set(name, lowered);
            lowered = NODES.objectNode().put("$ref", "#/$defs/" + name);
        }
        if (!definitions.isEmpty()) {
            lowered.set("$defs", definitions);
        }
        return lowered;
    }

    /** Rules of the grammar, by the constant that stands for each in the rewritten schema. */
    Map<String, String> holes() {
        return holes;
    }

    /** Rewrites the schemas of a value that must follow all of them. */
    ObjectNode lower(List<Place> places, Set<String> chosen) {
        if (++parts > MOST_PARTS) {
            throw places.getFirst().fail("the schema has too many combinations of alternatives");
        }
        if (places.size() == 1 && isReference(places.getFirst())) {
            return reference(places.getFirst());
        }
        Facts facts = new Facts(references, places, chosen);
        ObjectNode lowered;
        if (facts.values().isPresent()) {
            lowered = values(facts.values().get(), places);
        } else if (facts.alternative().isPresent()) {
            lowered = alternatives(facts.alternative().get(), places, chosen);
        } else {
            lowered = types(facts);
        }
        if (enforcement == Enforcement.CHECKED_LATER && places.size() == 1) {
            annotate(lowered, places.getFirst());
        }
        return lowered;
    }

    /** Rewrites the schemas of a part of a value: a property or an element. */
    ObjectNode lowerPart(List<Place> places) {
        if (++depth > MOST_DEPTH) {
            throw places.getFirst()
                    .fail(
                            String.format(
                                    Locale.ROOT,
                                    "parts nested more than %d deep, or without an end",
                                    MOST_DEPTH));
        }
        try {
            return places.isEmpty() ? NODES.objectNode() : lower(places, Set.of());
        } finally {
            depth--;
        }
    }

    /**
     * Handles a keyword that can't be enforced while a model answers.
     *
     * @throws IllegalArgumentException unless the value is checked later
     */
    void unsupported(Place keyword, String reason) {
        if (enforcement == Enforcement.WHILE_ANSWERING) {
            throw keyword.fail(reason);
        }
    }

    /** The errors in a value by a part of the schema. */
    List<String> errors(Place place, JsonNode value) {
        return validator.errors(place.pointer(), value);
    }

    boolean isCheckedLater() {
        return enforcement == Enforcement.CHECKED_LATER;
    }

    /** A schema that stands for a rule of the grammar that is written here. */
    ObjectNode hole(String gbnf) {
        for (Map.Entry<String, String> hole : holes.entrySet()) {
            if (hole.getValue().equals(gbnf)) {
                return NODES.objectNode().put("const", Long.parseLong(hole.getKey()));
            }
        }
        long constant = firstHole + holes.size();
        holes.put(String.valueOf(constant), gbnf);
        return NODES.objectNode().put("const", constant);
    }

    private static boolean isReference(Place place) {
        return place.has("$ref")
                && place.schema().properties().stream()
                        .map(Map.Entry::getKey)
                        .allMatch(key -> key.equals("$ref") || ANNOTATIONS.contains(key));
    }

    private ObjectNode reference(Place place) {
        Place target = references.target(place.child("$ref"));
        String pointer = target.pointer();
        if (empty.containsKey(pointer)) {
            throw empty.get(pointer);
        }
        if (open.getOrDefault(pointer, -1) == depth) {
            // Alternatives that refer back to the choice add nothing to it.
            throw new Unsatisfiable(place.pointer(), "the reference is to itself");
        }
        boolean isNew = !names.containsKey(pointer);
        String name = names.computeIfAbsent(pointer, this::name);
        if (isNew) {
            open.put(pointer, depth);
            try {
                definitions.set(name, lower(List.of(target), Set.of()));
            } catch (Unsatisfiable e) {
                empty.put(pointer, e);
                throw e;
            } finally {
                open.remove(pointer);
            }
        }
        ObjectNode reference = NODES.objectNode().put("$ref", "#/$defs/" + name);
        if (isCheckedLater()) {
            annotate(reference, place);
        }
        return reference;
    }

    private String name(String pointer) {
        String last = pointer.substring(pointer.lastIndexOf('/') + 1).replaceAll("\\W|_", "");
        String name = (last.isEmpty() ? "root" : last) + suffix;
        return names.containsValue(name) ? last + names.size() + suffix : name;
    }

    private ObjectNode values(Place keyword, List<Place> places) {
        JsonNode given = keyword.schema();
        List<JsonNode> candidates = new ArrayList<>();
        if (keyword.pointer().endsWith("/enum")) {
            given.forEach(candidates::add);
        } else {
            candidates.add(given);
        }
        ArrayNode allowed = NODES.arrayNode();
        for (JsonNode value : candidates) {
            Literals.check(keyword, value);
            if (places.stream().allMatch(p -> validator.errors(p.pointer(), value).isEmpty())) {
                allowed.add(value);
            }
        }
        if (allowed.isEmpty()) {
            throw new Unsatisfiable(
                    keyword.pointer(), "the keywords beside it allow none of its values");
        }
        ObjectNode lowered = NODES.objectNode();
        if (places.size() == 1 && places.getFirst().schema().path("type").isTextual()) {
            lowered.set("type", places.getFirst().schema().get("type"));
        }
        lowered.set("enum", allowed);
        return lowered;
    }

    private ObjectNode alternatives(Place keyword, List<Place> places, Set<String> chosen) {
        Set<String> nowChosen = new HashSet<>(chosen);
        nowChosen.add(keyword.pointer());
        Map<Place, ObjectNode> branches = new LinkedHashMap<>();
        Unsatisfiable reason = null;
        for (Place branch : keyword.elements()) {
            List<Place> all = new ArrayList<>(places);
            all.add(branch);
            try {
                branches.put(branch, lower(onlyReference(all, keyword), nowChosen));
            } catch (Unsatisfiable e) {
                reason = e;
            }
        }
        if (branches.isEmpty()) {
            throw reason == null
                    ? keyword.fail("it has no alternatives")
                    : new Unsatisfiable(keyword.pointer(), reason.getMessage());
        }
        if (keyword.pointer().endsWith("/oneOf")) {
            requireExclusive(keyword, branches);
        }
        return anyOf(List.copyOf(branches.values()));
    }

    /**
     * The branch alone, if no other keyword applies to the value: then references stay references.
     */
    private static List<Place> onlyReference(List<Place> places, Place keyword) {
        if (places.size() == 2) {
            Place owner = places.getFirst();
            String own = keyword.pointer().substring(keyword.pointer().lastIndexOf('/') + 1);
            boolean isAlone =
                    keyword.pointer().equals(owner.pointer() + "/" + own)
                            && owner.schema().properties().stream()
                                    .map(Map.Entry::getKey)
                                    .allMatch(key -> key.equals(own) || ANNOTATIONS.contains(key));
            if (isAlone) {
                return List.of(places.getLast());
            }
        }
        return places;
    }

    private void requireExclusive(Place keyword, Map<Place, ObjectNode> branches) {
        Exclusion exclusion = new Exclusion(references, validator, definitions);
        for (Place place : branches.keySet()) {
            for (Map.Entry<Place, ObjectNode> other : branches.entrySet()) {
                if (!other.getKey().equals(place) && !exclusion.holds(other.getValue(), place)) {
                    unsupported(
                            keyword,
                            "values of %s might also be valid for %s: write anyOf"
                                    .formatted(other.getKey().pointer(), place.pointer()));
                }
            }
        }
    }

    static ObjectNode anyOf(List<ObjectNode> alternatives) {
        List<ObjectNode> distinct = List.copyOf(new LinkedHashSet<>(alternatives));
        if (distinct.size() == 1) {
            return distinct.getFirst();
        }
        ObjectNode lowered = NODES.objectNode();
        ArrayNode array = lowered.putArray("anyOf");
        distinct.forEach(array::add);
        return lowered;
    }

    private ObjectNode types(Facts facts) {
        for (String keyword : Types.UNSUPPORTED) {
            for (Place place : facts.all(keyword)) {
                if (!keyword.equals("if") || facts.has("then") || facts.has("else")) {
                    unsupported(place, keyword + " can't be enforced while a model answers");
                }
            }
        }
        Set<Types> types = Types.of(facts);
        if (types.isEmpty()) {
            return NODES.objectNode();
        }
        List<ObjectNode> lowered = new ArrayList<>();
        Unsatisfiable reason = null;
        for (Types type : types) {
            try {
                lowered.add(lower(type, facts));
            } catch (Unsatisfiable e) {
                reason = e;
            }
        }
        if (lowered.isEmpty()) {
            throw reason;
        }
        boolean isNullable =
                lowered.size() == 2
                        && types.contains(Types.NULL)
                        && Collections.frequency(lowered, nullType()) == 1;
        if (isNullable) {
            lowered.remove(nullType());
            ObjectNode other = lowered.getFirst();
            if (other.path("type").isTextual()) {
                ArrayNode both = NODES.arrayNode().add(other.get("type")).add("null");
                other.set("type", both);
                return other;
            }
            lowered.add(nullType());
        }
        return anyOf(lowered);
    }

    private static ObjectNode nullType() {
        return NODES.objectNode().put("type", "null");
    }

    private ObjectNode lower(Types type, Facts facts) {
        return switch (type) {
            case NULL -> nullType();
            case BOOLEAN -> NODES.objectNode().put("type", "boolean");
            case STRING -> StringLowering.lower(this, facts);
            case INTEGER -> NumberLowering.lower(this, facts, true);
            case NUMBER -> NumberLowering.lower(this, facts, false);
            case ARRAY -> ArrayLowering.lower(this, facts);
            case OBJECT -> ObjectLowering.lower(this, facts);
        };
    }

    /** Adds annotations for the model, which reads the schema of a tool. */
    private static void annotate(ObjectNode lowered, Place place) {
        for (Map.Entry<String, JsonNode> entry : place.schema().properties()) {
            boolean isBound = entry.getKey().matches("(exclusiveM|m)(in|ax)imum");
            boolean isKept =
                    !TRANSLATED.contains(entry.getKey())
                            && !entry.getKey().startsWith("$")
                            && !(isBound && lowered.path("type").toString().contains("integer"));
            if (isKept && !lowered.has(entry.getKey())) {
                lowered.set(entry.getKey(), entry.getValue());
            }
        }
    }
}
