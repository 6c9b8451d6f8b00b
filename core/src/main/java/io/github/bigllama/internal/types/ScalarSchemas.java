package io.github.bigllama.internal.types;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.schema.Formats;
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

/** The schemas of the types whose JSON has no parts, as Jackson reads them. */
final class ScalarSchemas {
    /** Of one UTF-16 unit. */
    private static final String CHARACTER = "^[\\u0000-\\uD7FF\\uE000-\\uFFFF]$";

    private static final String BASE64 =
            "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";

    private static final Map<Class<?>, ObjectNode> SCHEMAS = new HashMap<>();

    static {
        integer(Byte.MIN_VALUE, Byte.MAX_VALUE, byte.class, Byte.class);
        integer(Short.MIN_VALUE, Short.MAX_VALUE, short.class, Short.class);
        integer(Integer.MIN_VALUE, Integer.MAX_VALUE, int.class, Integer.class, OptionalInt.class);
        integer(Long.MIN_VALUE, Long.MAX_VALUE, long.class, Long.class, OptionalLong.class);
        put(typed("integer"), BigInteger.class);
        number(new BigDecimal(Float.toString(Float.MAX_VALUE)), float.class, Float.class);
        number(
                new BigDecimal(Double.toString(Double.MAX_VALUE)),
                double.class,
                Double.class,
                OptionalDouble.class);
        put(typed("number"), BigDecimal.class, Number.class);
        put(typed("boolean"), boolean.class, Boolean.class);
        put(typed("string"), String.class, CharSequence.class, char[].class);
        put(typed("string").put("pattern", CHARACTER), char.class, Character.class);
        put(typed("string").put("pattern", BASE64), byte[].class);
        put(typed("string").put("format", "date"), LocalDate.class);
        put(
                typed("string").put("format", "date-time"),
                Instant.class,
                OffsetDateTime.class,
                ZonedDateTime.class,
                Date.class);
        put(typed("string").put("pattern", Formats.pattern("local-time")), LocalTime.class);
        put(
                typed("string").put("pattern", Formats.pattern("local-date-time")),
                LocalDateTime.class);
        put(typed("string").put("pattern", "^\\d{4}-(0[1-9]|1[0-2])$"), YearMonth.class);
        put(typed("string").put("format", "duration"), Duration.class);
        put(typed("string").put("format", "uuid"), UUID.class);
        put(typed("string").put("format", "uri"), URI.class);
    }

    private ScalarSchemas() {}

    static Optional<ObjectNode> of(Class<?> type) {
        return Optional.ofNullable(SCHEMAS.get(type)).map(ObjectNode::deepCopy);
    }

    static ObjectNode typed(String type) {
        return JsonNodeFactory.instance.objectNode().put("type", type);
    }

    private static void put(ObjectNode schema, Class<?>... types) {
        for (Class<?> type : types) {
            SCHEMAS.put(type, schema);
        }
    }

    private static void integer(long min, long max, Class<?>... types) {
        put(typed("integer").put("minimum", min).put("maximum", max), types);
    }

    /** More becomes infinite. */
    private static void number(BigDecimal most, Class<?>... types) {
        put(typed("number").put("minimum", most.negate()).put("maximum", most), types);
    }
}
