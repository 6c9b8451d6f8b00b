package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.ModelFiles;
import java.util.Set;

/**
 * Checks the heads of multi-head latent attention, whose keys and values are made of a smaller
 * vector: what its graphs store in the KV cache has to have the size that attention.key_length and
 * attention.value_length give the cache, or ggml_set_rows asserts.
 */
final class LatentCheck {
    /** dots3note has further sizes for layers with a window. */
    private static final Set<String> LATENT =
            Set.of(
                    "bailingmoe3",
                    "deepseek2",
                    "deepseek32",
                    "glm-dsa",
                    "hy_v4",
                    "kimi-k3",
                    "kimi-linear",
                    "minicpm3",
                    "plm");

    private static final String KEY = "attention.key_length";
    private static final String VALUE = "attention.value_length";

    private final ModelFiles files;
    private final Hyperparameters values;
    private final int layers;

    LatentCheck(ModelFiles files, Hyperparameters values, int layers) {
        this.files = files;
        this.values = values;
        this.layers = layers;
    }

    void check() {
        if (!LATENT.contains(values.architecture())) {
            return;
        }
        long[] heads = perLayer("attention.head_count", new long[layers]);
        if (heads[0] == 0) {
            return;
        }
        long[] stored = perLayer("attention.head_count_kv", heads);
        long head = number("embedding_length", 0) / heads[0];
        long keySize = number(KEY, head);
        long valueSize = number(VALUE, head);
        long rope = number("rope.dimension_count", keySize);
        long ownKey = number("attention.key_length_mla", 0);
        long ownValue = number("attention.value_length_mla", 0);
        boolean isLatent = ownKey != 0 && ownValue != 0;
        if (values.architecture().equals("hy_v4")) {
            // GGML_ASSERT(hparams.is_mla())
            values.require(isLatent, values.key("attention.key_length_mla"), ownKey, "one");
        }
        long key = isLatent ? ownKey : keySize;
        long value = isLatent ? ownValue : valueSize;
        // GGML_ASSERT(n_embd_head_qk_nope >= 1)
        values.require(
                key > rope,
                values.key(isLatent ? "attention.key_length_mla" : KEY),
                key,
                "more than rope.dimension_count, " + rope);
        for (int i = 0; i < layers; i++) {
            if (has(i, "attn_k_b")) {
                long rank = number("attention.kv_lora_rank", 0);
                stored(i, KEY, keySize, stored[i], 1, rank + rope);
            } else if (has(i, "attn_kv_b")) {
                stored(i, KEY, keySize, stored[i], heads[i], key);
                stored(i, VALUE, valueSize, stored[i], heads[i], value);
            }
        }
    }

    /** The cache has room for so many heads of a size, and the graph writes others. */
    private void stored(
            int layer, String name, long size, long heads, long written, long writtenSize) {
        values.require(
                size * heads == written * writtenSize,
                values.key(name),
                size + ", for " + heads + " head_count_kv",
                written + " of " + writtenSize + " in layer " + layer);
    }

    private boolean has(int layer, String name) {
        return files.tensor("blk." + layer + "." + name + ".weight").isPresent();
    }

    private long number(String name, long standard) {
        return values.u32(values.key(name)).orElse(standard);
    }

    private long[] perLayer(String name, long[] standard) {
        return values.perLayer(values.key(name), layers).orElse(standard);
    }
}
