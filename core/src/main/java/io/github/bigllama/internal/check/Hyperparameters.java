package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.GgufMetadata;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.ModelFiles;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * The metadata as llama_model_loader::get_key and its siblings read it: with overrides, and only
 * with exactly the requested type. A value of another type is empty here, because llama.cpp reports
 * an error for it.
 */
public final class Hyperparameters {
    private final String file;
    private final String architecture;
    private final GgufMetadata metadata;

    private Hyperparameters(String file, String architecture, GgufMetadata metadata) {
        this.file = file;
        this.architecture = architecture;
        this.metadata = metadata;
    }

    /** The metadata of a model with overrides. */
    public static Hyperparameters of(ModelFiles files, Map<String, ?> overrides) {
        GgufMetadata original = files.metadata();
        Map<String, GgufValue> replaced = new HashMap<>();
        overrides.forEach(
                (key, value) -> {
                    GgufValue with = override(value);
                    // llama.cpp ignores an override of another type, with a warning.
                    if (original.find(key).map(old -> sameKind(old, with)).orElse(true)) {
                        replaced.put(key, with);
                    }
                });
        GgufMetadata metadata = original.with(replaced);
        String architecture =
                metadata.find("general.architecture")
                        .map(value -> value instanceof GgufValue.Text text ? text.value() : "")
                        .orElse("");
        return new Hyperparameters(files.first().file(), architecture, metadata);
    }

    private static GgufValue override(Object value) {
        if (value instanceof Integer || value instanceof Long) {
            // try_override assigns the int64_t to the requested uint32_t.
            long number = ((Number) value).longValue() & 0xFFFF_FFFFL;
            return new GgufValue.Int(GgufValueType.UINT32, number);
        }
        if (value instanceof Number number) {
            return new GgufValue.Real(GgufValueType.FLOAT32, number.floatValue());
        }
        return value instanceof Boolean bool
                ? new GgufValue.Bool(bool)
                : new GgufValue.Text(value.toString());
    }

    private static boolean sameKind(GgufValue old, GgufValue with) {
        return old.getClass() == with.getClass();
    }

    public String architecture() {
        return architecture;
    }

    /** The full key of a model size, which starts with the architecture. */
    public String key(String name) {
        return architecture + "." + name;
    }

    public OptionalLong u32(String key) {
        return metadata.find(key).orElse(null) instanceof GgufValue.Int number
                        && number.type() == GgufValueType.UINT32
                ? OptionalLong.of(number.value())
                : OptionalLong.empty();
    }

    OptionalDouble f32(String key) {
        return metadata.find(key).orElse(null) instanceof GgufValue.Real number
                        && number.type() == GgufValueType.FLOAT32
                ? OptionalDouble.of(number.value())
                : OptionalDouble.empty();
    }

    public Optional<Boolean> bool(String key) {
        return metadata.find(key).orElse(null) instanceof GgufValue.Bool bool
                ? Optional.of(bool.value())
                : Optional.empty();
    }

    public Optional<String> text(String key) {
        return metadata.find(key).orElse(null) instanceof GgufValue.Text text
                ? Optional.of(text.value())
                : Optional.empty();
    }

    Optional<GgufArray> array(String key, GgufValueType elements) {
        return metadata.find(key).orElse(null) instanceof GgufValue.Array array
                        && array.value().elementType() == elements
                ? Optional.of(array.value())
                : Optional.empty();
    }

    /**
     * llama_model_loader::get_key_or_arr: one number per layer, or one for all layers.
     *
     * @return one number per layer; empty if the key is missing, or llama.cpp reports an error for
     *     it
     */
    Optional<long[]> perLayer(String key, int layers) {
        OptionalLong one = u32(key);
        long[] all = new long[layers];
        if (one.isPresent()) {
            Arrays.fill(all, one.getAsLong());
            return Optional.of(all);
        }
        if (!(metadata.find(key).orElse(null) instanceof GgufValue.Array value)
                || value.value().size() != layers) {
            return Optional.empty();
        }
        GgufArray array = value.value();
        for (int i = 0; i < layers; i++) {
            switch (array.elementType()) {
                case BOOL -> all[i] = array.bool(i) ? 1 : 0;
                case UINT32, INT32 -> all[i] = array.integer(i) & 0xFFFF_FFFFL;
                default -> {
                    return Optional.empty();
                }
            }
        }
        return Optional.of(all);
    }

    GgufException refuse(String message) {
        return new GgufException(
                Problem.UNUSABLE, file, message + "; the file is damaged or was converted wrongly");
    }

    /** Throws unless a condition holds. */
    void require(boolean holds, String key, Object value, String wanted) {
        if (!holds) {
            throw refuse(key + " is " + value + ", llama.cpp needs " + wanted);
        }
    }
}
