package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;

/**
 * Rewrites schemas of arrays: of any length if all elements have the same schema, of a fixed length
 * if the first ones differ.
 */
final class ArrayLowering {
    /** llama.cpp refuses more than 2000 repetitions, or takes them as unlimited. */
    private static final int MOST_ELEMENTS = 1000;

    private static final List<String> UNSUPPORTED =
            List.of("contains", "unevaluatedItems", "uniqueItems");

    private ArrayLowering() {}

    static ObjectNode lower(SchemaLowering lowering, Facts facts) {
        Bounds length = Bounds.of(facts, "minItems", "maxItems");
        for (String keyword : UNSUPPORTED) {
            for (Place place : facts.all(keyword)) {
                boolean isNothing =
                        place.schema().isBoolean()
                                && place.schema().asBoolean() != keyword.equals("uniqueItems")
                                && !keyword.equals("contains");
                if (!isNothing) {
                    lowering.unsupported(place, keyword + " can't be enforced");
                }
            }
        }
        if (length.min() > MOST_ELEMENTS) {
            lowering.unsupported(
                    facts.all("minItems").getFirst(),
                    "more than " + MOST_ELEMENTS + " elements can't be enforced");
        }
        int prefix =
                facts.all("prefixItems").stream().mapToInt(p -> p.schema().size()).max().orElse(0);
        for (Place place : facts.all("items")) {
            if (place.schema().isArray()) {
                throw place.fail("a list of schemas: write prefixItems");
            }
        }
        return prefix == 0
                ? alike(lowering, facts, length)
                : tuple(lowering, facts, length, prefix);
    }

    private static ObjectNode alike(SchemaLowering lowering, Facts facts, Bounds length) {
        ObjectNode lowered = SchemaLowering.NODES.objectNode().put("type", "array");
        List<Place> items = facts.all("items");
        if (items.isEmpty() && length.isFree()) {
            return lowered;
        }
        int max = length.max();
        ObjectNode item;
        try {
            item = lowering.lowerPart(items);
        } catch (Unsatisfiable e) {
            if (length.min() > 0) {
                throw e;
            }
            item = SchemaLowering.NODES.objectNode().put("type", "null");
            max = 0;
        }
        lowered.set("items", item);
        if (length.min() > 0) {
            lowered.put("minItems", Math.min(length.min(), MOST_ELEMENTS));
        }
        return max == Bounds.UNLIMITED
                ? lowered
                : lowered.put("maxItems", Math.min(max, MOST_ELEMENTS));
    }

    private static ObjectNode tuple(
            SchemaLowering lowering, Facts facts, Bounds bounds, int prefix) {
        int length = Math.min(Math.max(prefix, bounds.min()), bounds.max());
        ArrayNode elements = SchemaLowering.NODES.arrayNode();
        for (int i = 0; i < length; i++) {
            try {
                elements.add(lowering.lowerPart(element(facts, i)));
            } catch (Unsatisfiable e) {
                if (i < bounds.min()) {
                    throw e;
                }
                break;
            }
        }
        ObjectNode lowered = SchemaLowering.NODES.objectNode().put("type", "array");
        if (elements.isEmpty()) {
            lowered.putObject("items").put("type", "null");
            return lowered.put("maxItems", 0);
        }
        lowered.set("prefixItems", elements);
        return lowered;
    }

    private static List<Place> element(Facts facts, int index) {
        List<Place> all = new ArrayList<>();
        for (Place schema : facts.schemas()) {
            if (index < schema.schema().path("prefixItems").size()) {
                all.add(schema.child("prefixItems").elements().get(index));
            } else if (schema.has("items")) {
                all.add(schema.child("items"));
            }
        }
        return all;
    }
}
