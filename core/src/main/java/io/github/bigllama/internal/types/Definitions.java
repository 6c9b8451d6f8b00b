package io.github.bigllama.internal.types;

import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.Supplier;

/** The types that a schema refers to by name, because they contain themselves or occur twice. */
final class Definitions {
    private final ObjectNode schemas = JsonNodeFactory.instance.objectNode();
    private final Map<JavaType, String> names = new HashMap<>();
    private final Map<JavaType, ObjectNode> finished = new HashMap<>();
    private final Set<JavaType> begun = new HashSet<>();

    /** The schema of a type, or a reference to it; it is made where the type first occurs. */
    ObjectNode schema(JavaType type, Supplier<ObjectNode> maker) {
        if (begun.contains(type) || finished.containsKey(type)) {
            String name = names.computeIfAbsent(type, this::name);
            if (finished.containsKey(type)) {
                schemas.set(name, finished.get(type).deepCopy());
            }
            return reference(name);
        }
        begun.add(type);
        ObjectNode schema = maker.get();
        begun.remove(type);
        finished.put(type, schema);
        String name = names.get(type);
        if (name == null) {
            return schema;
        }
        schemas.set(name, schema.deepCopy());
        return begun.isEmpty() ? schema : reference(name);
    }

    private static ObjectNode reference(String name) {
        return JsonNodeFactory.instance.objectNode().put("$ref", "#/$defs/" + name);
    }

    private String name(JavaType type) {
        StringBuilder name = new StringBuilder(type.getRawClass().getSimpleName());
        for (int i = 0; i < type.containedTypeCount(); i++) {
            name.append(type.containedType(i).getRawClass().getSimpleName());
        }
        String text = name.toString().replaceAll("\\W", "");
        return names.containsValue(text) ? text + names.size() : text;
    }

    /** Adds the definitions to the schema of the outermost type. */
    void addTo(ObjectNode schema) {
        if (!schemas.isEmpty()) {
            schema.set("$defs", schemas);
        }
    }
}
