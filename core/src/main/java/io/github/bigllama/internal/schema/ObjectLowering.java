package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/**
 * Rewrites schemas of objects: with the listed properties, or with any properties whose values have
 * the same schema.
 */
final class ObjectLowering {
    private static final List<String> UNSUPPORTED =
            List.of(
                    "patternProperties",
                    "dependentSchemas",
                    "dependentRequired",
                    "dependencies",
                    "unevaluatedProperties");

    private final SchemaLowering lowering;
    private final Facts facts;
    private final Bounds size;
    private final Set<String> required = new LinkedHashSet<>();
    private final Set<String> names = new LinkedHashSet<>();

    private ObjectLowering(SchemaLowering lowering, Facts facts) {
        this.lowering = lowering;
        this.facts = facts;
        size = Bounds.of(facts, "minProperties", "maxProperties");
        facts.all("properties")
                .forEach(place -> place.schema().fieldNames().forEachRemaining(names::add));
        facts.all("required")
                .forEach(place -> place.schema().forEach(name -> required.add(name.asText())));
        names.addAll(required);
    }

    static ObjectNode lower(SchemaLowering lowering, Facts facts) {
        for (String keyword : UNSUPPORTED) {
            for (Place place : facts.all(keyword)) {
                boolean isNothing =
                        (place.schema().isObject() && place.schema().isEmpty())
                                || (place.schema().isBoolean() && place.schema().asBoolean());
                if (!isNothing) {
                    lowering.unsupported(place, keyword + " can't be enforced");
                }
            }
        }
        ObjectLowering object = new ObjectLowering(lowering, facts);
        return object.names.isEmpty() ? object.open() : object.closed();
    }

    private ObjectNode open() {
        for (Place place : facts.all("propertyNames")) {
            lowering.unsupported(place, "propertyNames can't be enforced if any name is allowed");
        }
        ObjectNode lowered = SchemaLowering.NODES.objectNode().put("type", "object");
        if (size.max() == 0) {
            return closed(lowered);
        }
        ObjectNode value;
        try {
            value = lowering.lowerPart(facts.all("additionalProperties"));
        } catch (Unsatisfiable e) {
            if (size.min() > 0) {
                throw e;
            }
            return closed(lowered);
        }
        requireSize(0, Bounds.UNLIMITED);
        return value.isEmpty() ? lowered : lowered.set("additionalProperties", value);
    }

    private static ObjectNode closed(ObjectNode lowered) {
        lowered.putObject("properties");
        return lowered.put("additionalProperties", false);
    }

    /** Refuses limits for the number of properties, unless they always hold. */
    private void requireSize(int least, int most) {
        if (least < size.min()) {
            lowering.unsupported(
                    facts.all("minProperties").getFirst(), "minProperties can't be enforced here");
        }
        if (most > size.max()) {
            lowering.unsupported(
                    facts.all("maxProperties").getFirst(), "maxProperties can't be enforced here");
        }
    }

    private ObjectNode closed() {
        for (Place place : facts.all("additionalProperties")) {
            if (place.schema().isObject() && !place.schema().isEmpty()) {
                lowering.unsupported(
                        place, "additionalProperties can't be enforced beside properties");
            }
        }
        ObjectNode lowered = SchemaLowering.NODES.objectNode().put("type", "object");
        ObjectNode properties = lowered.putObject("properties");
        for (String name : names) {
            try {
                Literals.requireCharacters(facts.schemas().getFirst(), name);
                requireName(name);
                properties.set(name, lowering.lowerPart(property(name)));
            } catch (Unsatisfiable e) {
                if (required.contains(name)) {
                    throw e;
                }
            }
        }
        Set<String> always = new LinkedHashSet<>(required);
        for (String name : names) {
            if (always.size() < size.min() && properties.has(name)) {
                always.add(name);
            }
        }
        requireSize(always.size(), properties.size());
        if (!always.isEmpty()) {
            ArrayNode array = lowered.putArray("required");
            always.forEach(array::add);
        }
        return lowered.put("additionalProperties", false);
    }

    private void requireName(String name) {
        for (Place place : facts.all("propertyNames")) {
            List<String> errors = lowering.errors(place, SchemaLowering.NODES.textNode(name));
            if (!errors.isEmpty()) {
                throw new Unsatisfiable(
                        place.pointer(), "it doesn't allow the property '" + name + "'");
            }
        }
    }

    private List<Place> property(String name) {
        List<Place> all = new ArrayList<>();
        for (Place schema : facts.schemas()) {
            if (schema.schema().path("properties").has(name)) {
                all.add(schema.child("properties").child(name));
            } else if (schema.has("additionalProperties")) {
                all.add(schema.child("additionalProperties"));
            }
        }
        return all;
    }
}
