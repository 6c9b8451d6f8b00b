package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.internal.text.Text;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * The key-value pairs of a GGUF file, in the order of the file. Immutable.
 *
 * <p>The typed getters return empty for a key that is missing, and throw a {@link GgufException}
 * for a value of another type. They do not convert: a float is not an integer.
 */
public final class GgufMetadata {
    private final String file;
    private final Map<String, GgufValue> values;

    GgufMetadata(String file, Map<String, GgufValue> values) {
        this.file = file;
        this.values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    }

    /** All pairs, in the order of the file. */
    public Map<String, GgufValue> asMap() {
        return values;
    }

    /** The value of a key, whatever its type. */
    public Optional<GgufValue> find(String key) {
        return Optional.ofNullable(values.get(key));
    }

    /** Whether the key is present. */
    public boolean contains(String key) {
        return values.containsKey(key);
    }

    /**
     * The string value of a key.
     *
     * @throws GgufException if the value is not a string
     */
    public Optional<String> string(String key) {
        GgufValue value = values.get(key);
        return switch (value) {
            case null -> Optional.empty();
            case GgufValue.Text text -> Optional.of(text.value());
            default -> throw wrongType(key, value, "a string");
        };
    }

    /**
     * The integer value of a key, of any width.
     *
     * @throws GgufException if the value is not an integer, or a {@code u64} above {@code
     *     Long.MAX_VALUE}
     */
    public OptionalLong integer(String key) {
        GgufValue value = values.get(key);
        if (value == null) {
            return OptionalLong.empty();
        }
        if (value instanceof GgufValue.Int number
                && (number.type() != GgufValueType.UINT64 || number.value() >= 0)) {
            return OptionalLong.of(number.value());
        }
        throw wrongType(key, value, "an integer below 2^63");
    }

    /**
     * The floating-point value of a key, of either width.
     *
     * @throws GgufException if the value is not a floating-point number
     */
    public OptionalDouble real(String key) {
        GgufValue value = values.get(key);
        return switch (value) {
            case null -> OptionalDouble.empty();
            case GgufValue.Real number -> OptionalDouble.of(number.value());
            default -> throw wrongType(key, value, "a floating-point number");
        };
    }

    /**
     * The boolean value of a key.
     *
     * @throws GgufException if the value is not a boolean
     */
    public Optional<Boolean> bool(String key) {
        GgufValue value = values.get(key);
        return switch (value) {
            case null -> Optional.empty();
            case GgufValue.Bool bool -> Optional.of(bool.value());
            default -> throw wrongType(key, value, "a boolean");
        };
    }

    /**
     * The array value of a key.
     *
     * @throws GgufException if the value is not an array
     */
    public Optional<GgufArray> array(String key) {
        GgufValue value = values.get(key);
        return switch (value) {
            case null -> Optional.empty();
            case GgufValue.Array array -> Optional.of(array.value());
            default -> throw wrongType(key, value, "an array");
        };
    }

    /** These pairs with some values replaced or added, as llama.cpp's metadata overrides do. */
    public GgufMetadata with(Map<String, GgufValue> overrides) {
        Map<String, GgufValue> changed = new LinkedHashMap<>(values);
        changed.putAll(overrides);
        return new GgufMetadata(file, changed);
    }

    private GgufException wrongType(String key, GgufValue value, String wanted) {
        String type =
                value instanceof GgufValue.Array array
                        ? array.value().toString()
                        : value.type().label() + " " + Text.shorten(value.toString());
        return new GgufException(
                Problem.DAMAGED,
                file,
                "the metadata value '" + key + "' is " + type + ", expected " + wanted);
    }
}
