package io.github.bigllama.internal.load;

import io.github.bigllama.core.gguf.GgufMetadata;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import java.util.OptionalDouble;

/**
 * A quick upper bound for the KV cache of a model from its metadata, as if every layer had the most
 * heads of any layer and kept every position. llama.cpp's own count is exact, but takes a while.
 */
public final class KvCacheBound {
    private KvCacheBound() {}

    /**
     * Number of elements per position in the keys, or in the values; infinite if unknown, as for
     * models whose layers also have a state of constant size.
     */
    public static double elements(ModelFiles model, ModelKind kind) {
        if (kind == ModelKind.RECURRENT || kind == ModelKind.HYBRID) {
            return Double.POSITIVE_INFINITY;
        }
        GgufMetadata metadata = model.metadata();
        String prefix = model.first().architecture().orElse("") + ".";
        OptionalDouble layers = largest(metadata, prefix + "block_count");
        OptionalDouble heads = largest(metadata, prefix + "attention.head_count");
        OptionalDouble width = largest(metadata, prefix + "embedding_length");
        if (layers.isEmpty() || heads.isEmpty() || width.isEmpty()) {
            return Double.POSITIVE_INFINITY;
        }
        double size = width.getAsDouble() / Math.max(1, heads.getAsDouble());
        double key = largest(metadata, prefix + "attention.key_length").orElse(size);
        double value = largest(metadata, prefix + "attention.value_length").orElse(size);
        double keyValueHeads =
                largest(metadata, prefix + "attention.head_count_kv").orElse(heads.getAsDouble());
        return layers.getAsDouble() * keyValueHeads * Math.max(key, value);
    }

    private static OptionalDouble largest(GgufMetadata metadata, String key) {
        GgufValue value = metadata.find(key).orElse(null);
        if (value instanceof GgufValue.Int number) {
            return OptionalDouble.of(number.value());
        }
        if (value instanceof GgufValue.Array array && array.value().isIntegers()) {
            return array.value().integers().asDoubleStream().max();
        }
        return OptionalDouble.empty();
    }
}
