package io.github.bigllama.core.structure;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.llama.Json;
import java.lang.reflect.GenericArrayType;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.Map;
import java.util.Set;

/**
 * The JSON schema of a record class, all of whose components are required: texts, numbers,
 * booleans, enums, other records, collections and arrays of these, and maps from texts to them.
 */
public final class RecordSchema {
    private static final Set<Class<?>> INTEGERS =
            Set.of(
                    int.class,
                    Integer.class,
                    long.class,
                    Long.class,
                    short.class,
                    Short.class,
                    byte.class,
                    Byte.class,
                    BigInteger.class);
    private static final Set<Class<?>> NUMBERS =
            Set.of(double.class, Double.class, float.class, Float.class, BigDecimal.class);
    private static final Set<Class<?>> BOOLEANS = Set.of(boolean.class, Boolean.class);

    private final Deque<Class<?>> within = new ArrayDeque<>();

    private RecordSchema() {}

    /**
     * The schema.
     *
     * @throws IllegalArgumentException if a component is of another kind, or a record has itself as
     *     a part
     */
    public static String of(Class<? extends Record> type) {
        return new RecordSchema().record(type).toString();
    }

    private ObjectNode record(Class<?> type) {
        if (within.contains(type)) {
            throw new IllegalArgumentException(type.getName() + " has itself as a part");
        }
        within.push(type);
        ObjectNode schema = typed("object");
        ObjectNode properties = schema.putObject("properties");
        ArrayNode required = schema.putArray("required");
        for (RecordComponent component : type.getRecordComponents()) {
            try {
                properties.set(component.getName(), schema(component.getGenericType()));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "%s.%s: %s"
                                .formatted(
                                        type.getSimpleName(), component.getName(), e.getMessage()),
                        e);
            }
            required.add(component.getName());
        }
        schema.put("additionalProperties", false);
        within.pop();
        return schema;
    }

    private ObjectNode schema(Type type) {
        if (type instanceof ParameterizedType parameterized) {
            Class<?> raw = (Class<?>) parameterized.getRawType();
            Type[] arguments = parameterized.getActualTypeArguments();
            if (Collection.class.isAssignableFrom(raw)) {
                return array(arguments[0]);
            }
            if (Map.class.isAssignableFrom(raw) && arguments[0] == String.class) {
                ObjectNode map = typed("object");
                map.set("additionalProperties", schema(arguments[1]));
                return map;
            }
        }
        if (type instanceof GenericArrayType array) {
            return array(array.getGenericComponentType());
        }
        if (type instanceof Class<?> simple) {
            return schema(simple);
        }
        throw new IllegalArgumentException("there is no JSON schema for " + type.getTypeName());
    }

    private ObjectNode schema(Class<?> type) {
        if (type == String.class) {
            return typed("string");
        } else if (INTEGERS.contains(type)) {
            return typed("integer");
        } else if (NUMBERS.contains(type)) {
            return typed("number");
        } else if (BOOLEANS.contains(type)) {
            return typed("boolean");
        } else if (type.isArray()) {
            return array(type.getComponentType());
        } else if (type.isRecord()) {
            return record(type);
        } else if (type.isEnum()) {
            ObjectNode schema = typed("string");
            ArrayNode values = schema.putArray("enum");
            for (Object value : type.getEnumConstants()) {
                values.add(((Enum<?>) value).name());
            }
            return schema;
        }
        throw new IllegalArgumentException("there is no JSON schema for " + type.getTypeName());
    }

    private ObjectNode array(Type element) {
        ObjectNode schema = typed("array");
        schema.set("items", schema(element));
        return schema;
    }

    private static ObjectNode typed(String type) {
        return Json.object().put("type", type);
    }
}
