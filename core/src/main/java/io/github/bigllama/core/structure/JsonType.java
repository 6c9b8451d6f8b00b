package io.github.bigllama.core.structure;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectWriter;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.introspect.AnnotationIntrospectorPair;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.schema.JsonSchema;
import io.github.bigllama.internal.types.SealedTypes;
import io.github.bigllama.internal.types.TypeSchema;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A Java type as JSON: the schema that an answer must follow, and the parser for the answer. Both
 * come from the same Jackson mapper, so they agree on names and formats. Immutable and thread-safe.
 *
 * <p>Supported types are records and beans, enums, strings, numbers, booleans, dates and times,
 * {@link java.util.UUID}, {@link java.net.URI}, {@code byte[]} (Base64), collections, arrays, maps
 * with strings or an enum as keys, {@link java.util.Optional}, sealed interfaces and other types
 * whose subtypes Jackson knows, including generic and recursive ones. Jackson's annotations apply:
 * names, ignored properties, {@code @JsonValue}, {@code @JsonCreator}, and {@code
 * JsonPropertyDescription}, which the model reads if the type is that of a tool. All properties are
 * required, and none may be null, except those of type {@code Optional}.
 *
 * <p>If the type is in a named module, its package must be open to {@code
 * com.fasterxml.jackson.databind}.
 *
 * @param <T> the type
 */
public final class JsonType<T> {
    static final ObjectMapper MAPPER =
            JsonMapper.builder()
                    .addModules(new Jdk8Module(), new JavaTimeModule())
                    .annotationIntrospector(
                            new AnnotationIntrospectorPair(
                                    new JacksonAnnotationIntrospector(), new SealedTypes()))
                    .build();

    private final JavaType type;
    private final ObjectMapper mapper;
    private final JsonSchema schema;

    private JsonType(JavaType type, ObjectMapper mapper) {
        this.type = type;
        this.mapper = mapper;
        try {
            schema = JsonSchema.ofChecked(TypeSchema.of(type, mapper).toString());
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(name(type) + ": " + e.getMessage(), e);
        }
    }

    /**
     * The JSON of a class.
     *
     * @throws IllegalArgumentException if it, or a part of it, has no JSON schema
     */
    public static <T> JsonType<T> of(Class<T> type) {
        return new JsonType<>(MAPPER.constructType(Objects.requireNonNull(type, "type")), MAPPER);
    }

    /**
     * The JSON of a generic type: {@code JsonType.of(new TypeReference<Map<String, City>>() {})}.
     *
     * @throws IllegalArgumentException if it, or a part of it, has no JSON schema
     */
    public static <T> JsonType<T> of(TypeReference<T> type) {
        return new JsonType<>(MAPPER.constructType(Objects.requireNonNull(type, "type")), MAPPER);
    }

    /**
     * The JSON of a list.
     *
     * @throws IllegalArgumentException if the elements, or a part of them, have no JSON schema
     */
    public static <E> JsonType<List<E>> listOf(Class<E> elements) {
        Objects.requireNonNull(elements, "elements");
        return new JsonType<>(
                MAPPER.getTypeFactory().constructCollectionType(List.class, elements), MAPPER);
    }

    /**
     * The same type with another mapper, with its names, modules and mix-ins.
     *
     * @param other the mapper, which must not be reconfigured afterwards
     * @throws IllegalArgumentException if the type, or a part of it, has no JSON schema then
     */
    public JsonType<T> withMapper(ObjectMapper other) {
        return new JsonType<>(type, Objects.requireNonNull(other, "mapper"));
    }

    /** The JSON schema, draft 2020-12. */
    public String schema() {
        return schema.toString();
    }

    /**
     * Parses a value.
     *
     * @param json one JSON value and nothing else
     * @throws IllegalArgumentException if it is not valid for the schema, with the reason
     */
    public T read(String json) {
        Objects.requireNonNull(json, "json");
        List<String> errors = schema.errors(JsonSchema.read(json, "the text"));
        if (!errors.isEmpty()) {
            throw new IllegalArgumentException(errors.getFirst());
        }
        try {
            return mapper.readerFor(type)
                    .without(DeserializationFeature.UNWRAP_ROOT_VALUE)
                    .readValue(json);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(Json.reason(e), e);
        }
    }

    /**
     * Writes a value as JSON, with the mapper of this type: dates, times and durations as texts, as
     * in the schema.
     *
     * @param value of this type, as which it is then written; or of any other class
     * @throws IllegalArgumentException if the mapper can't write it
     */
    public String write(@Nullable Object value) {
        try {
            ObjectWriter writer =
                    mapper.writer()
                            .without(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
                            .without(SerializationFeature.WRITE_DURATIONS_AS_TIMESTAMPS);
            boolean isOfType = !type.isPrimitive() && type.getRawClass().isInstance(value);
            return (isOfType ? writer.forType(type) : writer).writeValueAsString(value);
        } catch (JacksonException e) {
            throw new IllegalArgumentException(Json.reason(e), e);
        }
    }

    private static String name(JavaType type) {
        String canonical = type.toCanonical();
        return canonical.replaceAll("[\\w.]+[.$]", "");
    }

    /** The name of the type, without its package. */
    @Override
    public String toString() {
        return name(type);
    }
}
