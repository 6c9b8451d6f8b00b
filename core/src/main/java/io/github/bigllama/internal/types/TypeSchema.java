package io.github.bigllama.internal.types;

import com.fasterxml.jackson.annotation.JsonFormat;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.AnnotationIntrospector;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.deser.BeanDeserializerBase;
import com.fasterxml.jackson.databind.deser.DefaultDeserializationContext;
import com.fasterxml.jackson.databind.deser.SettableBeanProperty;
import com.fasterxml.jackson.databind.deser.ValueInstantiator;
import com.fasterxml.jackson.databind.deser.impl.BeanAsArrayDeserializer;
import com.fasterxml.jackson.databind.introspect.AnnotatedClass;
import com.fasterxml.jackson.databind.introspect.AnnotatedMember;
import com.fasterxml.jackson.databind.introspect.BeanPropertyDefinition;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TreeTraversingParser;
import java.io.IOException;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * The JSON schema of a Java type, taken from Jackson's deserializers, so that its names and formats
 * are those that the mapper reads. All properties are required except those of type Optional.
 */
public final class TypeSchema {
    private final ObjectMapper mapper;
    private final DeserializationConfig config;
    private final DeserializationContext context;
    private final Definitions definitions = new Definitions();

    private TypeSchema(ObjectMapper mapper) {
        this.mapper = mapper;
        config = mapper.getDeserializationConfig();
        JsonParser parser = new TreeTraversingParser(JsonNodeFactory.instance.nullNode(), mapper);
        context =
                ((DefaultDeserializationContext) mapper.getDeserializationContext())
                        .createInstance(config, parser, mapper.getInjectableValues());
    }

    /**
     * The schema of a type.
     *
     * @throws IllegalArgumentException if it, or a part of it, has no schema: with the path to it
     */
    public static ObjectNode of(JavaType type, ObjectMapper mapper) {
        TypeSchema schemas = new TypeSchema(mapper);
        ObjectNode schema;
        try {
            schema = schemas.schema(type);
        } catch (StackOverflowError e) {
            // Jackson never stops following generic types with ever larger parts, like T<List<T>>.
            throw new IllegalArgumentException(
                    "there is no JSON schema for "
                            + type.toCanonical()
                            + ": it is infinitely nested",
                    e);
        }
        schemas.definitions.addTo(schema);
        return schema;
    }

    private static IllegalArgumentException none(JavaType type, String reason) {
        return new IllegalArgumentException(
                "there is no JSON schema for " + type.toCanonical() + reason);
    }

    private ObjectNode schema(JavaType type) {
        Class<?> raw = type.getRawClass();
        Optional<ObjectNode> scalar = ScalarSchemas.of(raw);
        if (scalar.isPresent()) {
            requireReadable(type, ScalarSchemas.sample(raw));
            return isOptional(type) ? nullable(scalar.get()) : scalar.get();
        }
        Optional<ObjectNode> tree = tree(raw);
        if (tree.isPresent()) {
            return tree.get();
        }
        boolean isBean = !type.isReferenceType() && !type.isEnumType() && !type.isContainerType();
        if (isBean) {
            refuseForeign(type);
            return definitions.schema(type, () -> bean(type));
        }
        requirePlain(type);
        if (type.isReferenceType()) {
            return nullable(schema(type.getReferencedType()));
        }
        if (type.isEnumType()) {
            return enumeration(type);
        }
        if (type.isMapLikeType()) {
            return map(type);
        }
        ObjectNode array = ScalarSchemas.typed("array");
        array.set("items", schema(type.getContentType()));
        return array;
    }

    /** The schema of untyped values and of Jackson's tree nodes. */
    private Optional<ObjectNode> tree(Class<?> raw) {
        if (raw == Object.class || raw == JsonNode.class) {
            requirePlain(config.constructType(raw));
            return Optional.of(JsonNodeFactory.instance.objectNode());
        }
        return raw == ObjectNode.class
                ? Optional.of(ScalarSchemas.typed("object"))
                : raw == ArrayNode.class
                        ? Optional.of(ScalarSchemas.typed("array"))
                        : Optional.empty();
    }

    /** A mapper may lack the module of a type, or have a custom format or deserializer. */
    private void requireReadable(JavaType type, JsonNode sample) {
        try {
            mapper.readerFor(type)
                    .without(DeserializationFeature.UNWRAP_ROOT_VALUE)
                    .readValue(sample);
        } catch (IOException e) {
            throw none(type, ": the mapper can't read " + sample);
        }
    }

    /** Types other than beans must not be read as beans or name their class. */
    private void requirePlain(JavaType type) {
        try {
            if (config.findTypeDeserializer(type) != null) {
                throw none(type, ": its JSON names the class");
            }
            if (context.findContextualValueDeserializer(type, null)
                    instanceof BeanDeserializerBase) {
                throw none(type, ": the mapper reads it as a bean");
            }
        } catch (JsonMappingException e) {
            throw none(type, ": " + e.getOriginalMessage());
        }
    }

    /** The JDK's own classes are not beans, although Jackson would treat them so. */
    private static void refuseForeign(JavaType type) {
        Class<?> raw = type.getRawClass();
        boolean isKnown =
                type.isContainerType()
                        || type.isReferenceType()
                        || raw == Object.class
                        || ScalarSchemas.of(raw).isPresent();
        if (raw.getName().startsWith("java.") && !isKnown) {
            throw none(type, "");
        }
    }

    private static boolean isOptional(JavaType type) {
        Class<?> raw = type.getRawClass();
        return type.isReferenceType()
                || raw == OptionalInt.class
                || raw == OptionalLong.class
                || raw == OptionalDouble.class;
    }

    private static ObjectNode nullable(ObjectNode schema) {
        ObjectNode nullable = JsonNodeFactory.instance.objectNode();
        nullable.putArray("anyOf").add(schema).add(ScalarSchemas.typed("null"));
        return nullable;
    }

    /** The schema of the constants, each as the mapper reads it. */
    private ObjectNode enumeration(JavaType type) {
        ObjectNode schema = JsonNodeFactory.instance.objectNode();
        ArrayNode values = schema.putArray("enum");
        for (Object constant : type.getRawClass().getEnumConstants()) {
            JsonNode value = mapper.valueToTree(constant);
            try {
                if (mapper.readerFor(type).readValue(value) != constant) {
                    throw none(type, ": the mapper reads " + value + " as another constant");
                }
            } catch (IOException e) {
                throw none(type, ": the mapper can't read " + value + ", which it writes");
            }
            values.add(value);
        }
        boolean isText = true;
        for (JsonNode value : values) {
            isText &= value.isTextual();
        }
        return isText ? schema.put("type", "string") : schema;
    }

    private ObjectNode map(JavaType type) {
        ObjectNode schema = ScalarSchemas.typed("object");
        JavaType key = type.getKeyType();
        if (key.isEnumType()) {
            ObjectNode properties = schema.putObject("properties");
            for (Object constant : key.getRawClass().getEnumConstants()) {
                Map<Object, Object> one = new HashMap<>();
                one.put(constant, null);
                String name = mapper.valueToTree(one).fieldNames().next();
                properties.set(name, schema(type.getContentType()));
            }
            return schema.put("additionalProperties", false);
        }
        if (key.getRawClass() != String.class && key.getRawClass() != Object.class) {
            throw none(type, ": the keys of a map must be strings or an enum");
        }
        return schema.set("additionalProperties", schema(type.getContentType()));
    }

    private ObjectNode bean(JavaType type) {
        try {
            Optional<ObjectNode> polymorphic = Polymorphism.of(this, config, type);
            return polymorphic.isPresent() ? polymorphic.get() : plain(type);
        } catch (JsonMappingException e) {
            throw new IllegalArgumentException(
                    "there is no JSON schema for %s: %s"
                            .formatted(type.toCanonical(), e.getOriginalMessage()),
                    e);
        }
    }

    /** The schema of a bean of exactly this class. */
    ObjectNode plain(JavaType type) throws JsonMappingException {
        requireBeans(type);
        JsonDeserializer<Object> deserializer = context.findContextualValueDeserializer(type, null);
        if (!(deserializer instanceof BeanDeserializerBase bean)
                || bean.getObjectIdReader() != null) {
            throw none(type, "");
        }
        if (bean instanceof BeanAsArrayDeserializer) {
            throw none(type, ": its JSON has the form of an array");
        }
        AnnotatedClass annotated = config.introspect(type).getClassInfo();
        AnnotationIntrospector annotations = config.getAnnotationIntrospector();
        if (annotations.findDeserializer(annotated) != null) {
            throw none(type, ": it has a custom deserializer");
        }
        ValueInstantiator creator = bean.getValueInstantiator();
        ObjectNode schema = value(creator, bean.getPropertyCount() == 0);
        if (schema == null) {
            schema = object(type, bean);
        }
        String description = annotations.findClassDescription(annotated);
        return description == null ? schema : schema.put("description", description);
    }

    /** The schema of the single value that a bean is made from; null if it has properties. */
    private ObjectNode value(ValueInstantiator creator, boolean isWithoutProperties) {
        if (creator.canCreateUsingDelegate()) {
            return schema(creator.getDelegateType(config));
        }
        if (creator.canCreateUsingArrayDelegate()) {
            return schema(creator.getArrayDelegateType(config));
        }
        if (!isWithoutProperties || creator.canCreateFromObjectWith()) {
            return null;
        }
        Class<?> raw =
                creator.canCreateFromString()
                        ? String.class
                        : creator.canCreateFromInt()
                                ? int.class
                                : creator.canCreateFromLong()
                                        ? long.class
                                        : creator.canCreateFromDouble()
                                                ? double.class
                                                : creator.canCreateFromBoolean()
                                                        ? boolean.class
                                                        : null;
        return raw == null ? null : ScalarSchemas.of(raw).orElseThrow();
    }

    private ObjectNode object(JavaType type, BeanDeserializerBase bean) {
        if (!bean.getValueInstantiator().canInstantiate()) {
            throw none(type, ": Jackson can't create an instance");
        }
        ObjectNode schema = ScalarSchemas.typed("object");
        ObjectNode properties = schema.putObject("properties");
        ArrayNode required = JsonNodeFactory.instance.arrayNode();
        for (SettableBeanProperty property : properties(type, bean)) {
            try {
                properties.set(property.getName(), property(property));
            } catch (IllegalArgumentException e) {
                throw within(type, property.getName(), e);
            }
            if (!isOptional(property.getType()) || isRequired(property)) {
                required.add(property.getName());
            }
        }
        if (!required.isEmpty()) {
            schema.set("required", required);
        }
        boolean ignoresUnknown =
                !config.isEnabled(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
                        || config.getAnnotationIntrospector()
                                .findPropertyIgnoralByName(
                                        config, config.introspect(type).getClassInfo())
                                .getIgnoreUnknown();
        return ignoresUnknown ? schema : schema.put("additionalProperties", false);
    }

    private boolean isRequired(SettableBeanProperty property) {
        return property.isRequired()
                || config.isEnabled(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES);
    }

    private ObjectNode property(SettableBeanProperty property) {
        if (config.getAnnotationIntrospector().findInjectableValue(property.getMember()) != null) {
            throw none(property.getType(), " that is injected");
        }
        JsonFormat format = property.getAnnotation(JsonFormat.class);
        boolean isOfItsOwn =
                config.getAnnotationIntrospector().findDeserializer(property.getMember()) != null;
        if (isOfItsOwn || (format != null && !isOrdinary(format))) {
            throw none(property.getType(), " with a custom format or deserializer");
        }
        ObjectNode schema = schema(property.getType());
        String description = property.getMetadata().getDescription();
        return description == null ? schema : schema.deepCopy().put("description", description);
    }

    private static boolean isOrdinary(JsonFormat format) {
        return format.pattern().isEmpty()
                && format.shape() != JsonFormat.Shape.ARRAY
                && format.shape() != JsonFormat.Shape.OBJECT
                && format.shape() != JsonFormat.Shape.POJO;
    }

    /** Refuses foreign classes before Jackson looks into their parts. */
    private void requireBeans(JavaType type) {
        for (BeanPropertyDefinition property : config.introspect(type).findProperties()) {
            try {
                AnnotatedMember member = property.getPrimaryMember();
                if (property.couldDeserialize() && member != null) {
                    refuseForeign(property.getPrimaryType());
                    if (config.getAnnotationIntrospector().findUnwrappingNameTransformer(member)
                            != null) {
                        throw none(type, ": it is unwrapped");
                    }
                }
            } catch (IllegalArgumentException e) {
                throw within(type, property.getName(), e);
            }
        }
    }

    private static IllegalArgumentException within(
            JavaType type, String property, IllegalArgumentException e) {
        return new IllegalArgumentException(
                "%s.%s: %s".formatted(type.getRawClass().getSimpleName(), property, e.getMessage()),
                e);
    }

    /** The deserializer's properties, in the order of their declaration. */
    private List<SettableBeanProperty> properties(JavaType type, BeanDeserializerBase bean) {
        Map<String, SettableBeanProperty> ordered = new LinkedHashMap<>();
        for (BeanPropertyDefinition declared : config.introspect(type).findProperties()) {
            ordered.put(declared.getName(), null);
        }
        for (Iterator<SettableBeanProperty> all = bean.properties(); all.hasNext(); ) {
            SettableBeanProperty property = all.next();
            if (!property.isIgnorable() && !property.isInjectionOnly()) {
                ordered.put(property.getName(), property);
            }
        }
        return ordered.values().stream().filter(Objects::nonNull).toList();
    }
}
