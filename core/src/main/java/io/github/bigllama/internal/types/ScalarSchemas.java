package io.github.bigllama.internal.types;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.schema.value.Formats;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.YearMonth;
import java.time.ZonedDateTime;
import java.util.Date;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.UUID;

/** The schemas of types whose JSON is a single value, as Jackson reads them. */
final class ScalarSchemas {
    /** A character that is one UTF-16 unit. */
    private static final String CHARACTER = "^[\\u0000-\\uD7FF\\uE000-\\uFFFF]$";

    private static final String BASE64 =
            "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

    private static final JsonNode ONE = JsonNodeFactory.instance.numberNode(1);
    private static final Map<Class<?>, ObjectNode> SCHEMAS = new HashMap<>();
    private static final Map<Class<?>, JsonNode> SAMPLES = new HashMap<>();

    static {
        integer(Byte.MIN_VALUE, Byte.MAX_VALUE, byte.class, Byte.class);
        integer(Short.MIN_VALUE, Short.MAX_VALUE, short.class, Short.class);
        integer(Integer.MIN_VALUE, Integer.MAX_VALUE, int.class, Integer.class, OptionalInt.class);
        integer(Long.MIN_VALUE, Long.MAX_VALUE, long.class, Long.class, OptionalLong.class);
        put(typed("integer"), ONE, BigInteger.class);
        number(new BigDecimal(Float.toString(Float.MAX_VALUE)), float.class, Float.class);
        number(
                new BigDecimal(Double.toString(Double.MAX_VALUE)),
                double.class,
                Double.class,
                OptionalDouble.class);
        put(typed("number"), ONE, BigDecimal.class, Number.class);
        put(
                typed("boolean"),
                JsonNodeFactory.instance.booleanNode(true),
                boolean.class,
                Boolean.class);
        text(typed("string"), "a", String.class, CharSequence.class, char[].class);
        text(form("pattern", CHARACTER), "a", char.class, Character.class);
        text(form("pattern", BASE64), "AAAA", byte[].class);
        text(form("format", "date"), "2024-02-29", LocalDate.class);
        text(
                form("format", "date-time"),
                "2024-02-29T23:59:59Z",
                Instant.class,
                OffsetDateTime.class,
                ZonedDateTime.class,
                Date.class);
        text(form("pattern", Formats.pattern("local-time")), "23:59:59.5", LocalTime.class);
        text(
                form("pattern", Formats.pattern("local-date-time")),
                "2024-02-29T23:59:59",
                LocalDateTime.class);
        text(form("pattern", "^\\d{4}-(0[1-9]|1[0-2])$"), "2024-02", YearMonth.class);
        text(form("format", "duration"), "P1DT2H", Duration.class);
        text(form("format", "uuid"), "123e4567-e89b-12d3-a456-426614174000", UUID.class);
        text(form("format", "uri"), "https://example.com/a", URI.class);
    }

    private ScalarSchemas() {}

    static Optional<ObjectNode> of(Class<?> type) {
        return Optional.ofNullable(SCHEMAS.get(type)).map(ObjectNode::deepCopy);
    }

    static ObjectNode typed(String type) {
        return JsonNodeFactory.instance.objectNode().put("type", type);
    }

    /** A sample value of the schema. */
    static JsonNode sample(Class<?> type) {
        return SAMPLES.get(type);
    }

    private static void put(ObjectNode schema, JsonNode sample, Class<?>... types) {
        for (Class<?> type : types) {
            SCHEMAS.put(type, schema);
            SAMPLES.put(type, sample);
        }
    }

    private static void text(ObjectNode schema, String sample, Class<?>... types) {
        put(schema, JsonNodeFactory.instance.textNode(sample), types);
    }

    private static ObjectNode form(String keyword, String value) {
        return typed("string").put(keyword, value);
    }

    private static void integer(long min, long max, Class<?>... types) {
        put(typed("integer").put("minimum", min).put("maximum", max), ONE, types);
    }

    /** Puts a schema with limits, beyond which numbers become infinite. */
    private static void number(BigDecimal most, Class<?>... types) {
        put(typed("number").put("minimum", most.negate()).put("maximum", most), ONE, types);
    }
}
