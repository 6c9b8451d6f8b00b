package io.github.bigllama.internal.types;

import com.fasterxml.jackson.annotation.JsonTypeInfo;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.introspect.AnnotatedClass;
import com.fasterxml.jackson.databind.jsontype.NamedType;
import com.fasterxml.jackson.databind.jsontype.TypeDeserializer;
import com.fasterxml.jackson.databind.jsontype.impl.AsDeductionTypeDeserializer;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.lang.reflect.Modifier;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/** Schemas of types with subtypes, in the ways in which Jackson tells them apart. */
final class Polymorphism {
    private Polymorphism() {}

    static Optional<ObjectNode> of(TypeSchema schemas, DeserializationConfig config, JavaType type)
            throws JsonMappingException {
        TypeDeserializer deserializer = config.findTypeDeserializer(type);
        if (deserializer == null) {
            return Optional.empty();
        }
        AnnotatedClass annotated = config.introspectClassAnnotations(type).getClassInfo();
        Map<JavaType, String> subtypes = new LinkedHashMap<>();
        for (NamedType named :
                config.getSubtypeResolver().collectAndResolveSubtypesByTypeId(config, annotated)) {
            Class<?> subtype = named.getType();
            boolean isOne = type.getRawClass().isAssignableFrom(subtype);
            if (isOne && !subtype.isInterface() && !Modifier.isAbstract(subtype.getModifiers())) {
                JavaType one = config.getTypeFactory().constructSpecializedType(type, subtype);
                if (named.hasName() || !subtypes.containsKey(one)) {
                    subtypes.put(one, named.getName());
                }
            }
        }
        if (subtypes.isEmpty()) {
            throw new IllegalArgumentException(
                    "there is no JSON schema for %s: Jackson knows no subtypes of it"
                            .formatted(type.toCanonical()));
        }
        ObjectNode schema = JsonNodeFactory.instance.objectNode();
        ArrayNode alternatives = schema.putArray("anyOf");
        for (Map.Entry<JavaType, String> subtype : subtypes.entrySet()) {
            alternatives.add(one(schemas, deserializer, subtype.getKey(), subtype.getValue()));
        }
        return Optional.of(schema);
    }

    private static ObjectNode one(
            TypeSchema schemas, TypeDeserializer deserializer, JavaType subtype, String name)
            throws JsonMappingException {
        ObjectNode schema = schemas.plain(subtype);
        if (deserializer instanceof AsDeductionTypeDeserializer) {
            return schema;
        }
        String id =
                name != null
                        ? name
                        : deserializer
                                .getTypeIdResolver()
                                .idFromValueAndType(null, subtype.getRawClass());
        JsonTypeInfo.As inclusion = deserializer.getTypeInclusion();
        if (inclusion == JsonTypeInfo.As.WRAPPER_OBJECT) {
            ObjectNode wrapper = ScalarSchemas.typed("object");
            wrapper.putObject("properties").set(id, schema);
            wrapper.putArray("required").add(id);
            return wrapper.put("additionalProperties", false);
        }
        if (inclusion == JsonTypeInfo.As.WRAPPER_ARRAY) {
            ObjectNode wrapper = ScalarSchemas.typed("array");
            ArrayNode both = wrapper.putArray("prefixItems");
            both.addObject().put("const", id);
            both.add(schema);
            return wrapper.put("minItems", 2).put("maxItems", 2);
        }
        boolean isBeside =
                inclusion == JsonTypeInfo.As.PROPERTY
                        || inclusion == JsonTypeInfo.As.EXISTING_PROPERTY;
        if (!isBeside || !schema.path("type").asText().equals("object")) {
            throw new IllegalArgumentException(
                    "there is no JSON schema for %s with its type in a property"
                            .formatted(subtype.toCanonical()));
        }
        return named(schema, deserializer.getPropertyName(), id);
    }

    /** Puts the name of the type first, so that the model chooses it before the rest. */
    private static ObjectNode named(ObjectNode schema, String property, String id) {
        ObjectNode properties = JsonNodeFactory.instance.objectNode();
        properties.putObject(property).put("const", id);
        schema.path("properties")
                .properties()
                .forEach(entry -> properties.putIfAbsent(entry.getKey(), entry.getValue()));
        ArrayNode required = JsonNodeFactory.instance.arrayNode().add(property);
        schema.path("required")
                .forEach(
                        name -> {
                            if (!name.asText().equals(property)) {
                                required.add(name);
                            }
                        });
        schema.set("properties", properties);
        schema.set("required", required);
        return schema;
    }
}
