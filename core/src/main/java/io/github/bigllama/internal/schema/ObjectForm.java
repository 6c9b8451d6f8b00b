package io.github.bigllama.internal.schema;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The arguments of a tool are one object, also where a schema leaves a choice: some templates write
 * a parameter after the other, and look for them in {@code properties}. So a choice of objects also
 * has the properties of all of them. llama.cpp reads {@code anyOf} first where it translates a
 * schema as a whole, so that nothing becomes less strict there.
 */
final class ObjectForm {
    private final JsonNode definitions;
    private final Set<String> followed = new LinkedHashSet<>();
    private final List<ObjectNode> objects = new ArrayList<>();

    private ObjectForm(JsonNode definitions) {
        this.definitions = definitions;
    }

    /** A rewritten schema as that of an object; empty if its values are no objects. */
    static Optional<ObjectNode> of(ObjectNode lowered) {
        if (lowered.path("type").asText().equals("object")) {
            return Optional.of(lowered);
        }
        ObjectForm form = new ObjectForm(lowered.path("$defs"));
        form.collect(lowered);
        if (form.objects.isEmpty()) {
            return Optional.empty();
        }
        ObjectNode object = form.union();
        if (form.objects.size() > 1) {
            ArrayNode choice = object.putArray("anyOf");
            form.objects.forEach(choice::add);
        }
        // What describes the whole to the model stays.
        for (Map.Entry<String, JsonNode> entry : lowered.properties()) {
            if (!object.has(entry.getKey()) && !entry.getKey().equals("$ref")) {
                object.set(entry.getKey(), entry.getValue());
            }
        }
        if (form.objects.size() == 1) {
            object.remove("anyOf");
        }
        return Optional.of(object);
    }

    /** Collects the objects among the alternatives; other values are no arguments. */
    private void collect(JsonNode schema) {
        String reference = schema.path("$ref").asText();
        if (!reference.isEmpty()) {
            if (followed.add(reference)) {
                collect(definitions.path(reference.substring(reference.lastIndexOf('/') + 1)));
            }
        } else if (schema.has("anyOf")) {
            schema.get("anyOf").forEach(this::collect);
        } else if (isObject(schema.path("type"))) {
            objects.add(((ObjectNode) schema).deepCopy().put("type", "object"));
        }
    }

    private static boolean isObject(JsonNode type) {
        if (type.isArray()) {
            for (JsonNode each : type) {
                if (isObject(each)) {
                    return true;
                }
            }
        }
        return type.asText().equals("object");
    }

    private ObjectNode union() {
        Map<String, List<ObjectNode>> properties = new LinkedHashMap<>();
        Set<String> required = new LinkedHashSet<>(required(objects.getFirst()));
        for (ObjectNode object : objects) {
            required.retainAll(required(object));
            for (Map.Entry<String, JsonNode> property : object.path("properties").properties()) {
                properties
                        .computeIfAbsent(property.getKey(), name -> new ArrayList<>())
                        .add((ObjectNode) property.getValue());
            }
        }
        ObjectNode union = objects.getFirst().deepCopy();
        union.remove(List.of("properties", "required", "description"));
        ObjectNode all = union.putObject("properties");
        properties.forEach((name, schemas) -> all.set(name, SchemaLowering.anyOf(schemas)));
        if (!required.isEmpty()) {
            ArrayNode names = union.putArray("required");
            required.forEach(names::add);
        }
        return union;
    }

    private static List<String> required(ObjectNode object) {
        List<String> names = new ArrayList<>();
        object.path("required").forEach(name -> names.add(name.asText()));
        return names;
    }
}
