package io.github.bigllama.internal.schema;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * All keywords that apply to one value: those of several schemas, of the schemas that they refer
 * to, and those in {@code allOf}.
 */
final class Facts {
    private final References references;
    private final Set<String> chosen;
    private final Set<String> seen = new HashSet<>();
    private final List<Place> schemas = new ArrayList<>();
    private final List<Place> alternatives = new ArrayList<>();
    private final List<Place> values = new ArrayList<>();
    private final Map<String, List<Place>> keywords = new LinkedHashMap<>();

    /**
     * Collects the keywords.
     *
     * @param chosen pointers of the {@code anyOf} and {@code oneOf} of which a branch is already
     *     among the places
     * @throws Unsatisfiable if one of the schemas is {@code false}
     */
    Facts(References references, List<Place> places, Set<String> chosen) {
        this.references = references;
        this.chosen = chosen;
        places.forEach(this::collect);
    }

    private void collect(Place place) {
        if (place.schema().isBoolean()) {
            if (!place.schema().asBoolean()) {
                throw new Unsatisfiable(place.pointer(), "nothing is allowed here");
            }
            return;
        }
        if (!place.schema().isObject()) {
            throw place.fail("a schema must be an object, true or false");
        }
        if (!seen.add(place.pointer())) {
            return;
        }
        schemas.add(place);
        List<String> names = new ArrayList<>();
        place.schema().fieldNames().forEachRemaining(names::add);
        for (String name : names) {
            Place keyword = place.child(name);
            switch (name) {
                case "$ref" -> collect(references.target(keyword));
                case "allOf" -> keyword.elements().forEach(this::collect);
                case "anyOf", "oneOf" -> {
                    if (!chosen.contains(keyword.pointer())) {
                        alternatives.add(keyword);
                    }
                }
                case "enum", "const" -> values.add(keyword);
                default -> keywords.computeIfAbsent(name, key -> new ArrayList<>()).add(keyword);
            }
        }
    }

    /** The schema objects themselves. */
    List<Place> schemas() {
        return schemas;
    }

    /** An {@code anyOf} or {@code oneOf} of which no branch has been chosen. */
    Optional<Place> alternative() {
        return alternatives.stream().findFirst();
    }

    /** An {@code enum} or {@code const}. */
    Optional<Place> values() {
        return values.stream().findFirst();
    }

    boolean has(String keyword) {
        return keywords.containsKey(keyword);
    }

    /** All places of a keyword. */
    List<Place> all(String keyword) {
        return keywords.getOrDefault(keyword, List.of());
    }
}
