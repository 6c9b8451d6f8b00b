package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.internal.text.Text;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * Checks the sizes of a model: llama_model_base::load_hparams in llama-model.cpp, and the code
 * after it.
 */
final class ArchitectureCheck {
    /** LLAMA_MAX_LAYERS in llama-hparams.h. */
    static final int MAX_LAYERS = 512;

    /** LLAMA_ROPE_SCALING_TYPES in llama-model.cpp. */
    private static final List<String> ROPE_SCALING = List.of("none", "linear", "yarn", "longrope");

    /** enum llama_pooling_type in llama.h; -1 is "unspecified". */
    private static final long MAX_POOLING = 4;

    private static final long UNSPECIFIED = 0xFFFF_FFFFL;

    /**
     * Architectures that divide embedding_length by the number of heads unchecked: models/*.cpp.
     */
    private static final Set<String> DIVIDES_BY_HEADS =
            Set.of("deepseek2-ocr", "gemma2", "gemma3", "olmo2", "phimoe");

    /** Architectures that take the length of their vectors from other numbers. */
    private static final Set<String> SETS_LENGTH_OUT = Set.of("deepseek4", "qwen4exp");

    private final ModelFiles files;
    private final Hyperparameters values;

    ArchitectureCheck(ModelFiles files, Hyperparameters values) {
        this.files = files;
        this.values = values;
    }

    void check() {
        int layers = layers();
        context();
        embedding();
        vectors();
        new ExpertCheck(values, layers).check();
        ropeScaling();
        heads(layers);
        new LatentCheck(files, values, layers).check();
        new RecurrentCheck(values, layers).check();
        new OwnKeysCheck(values, layers).check();
        new SlidingWindowCheck(values).check(layers);
        pooling();
        epsilon(values, values.key("attention.layer_norm_rms_epsilon"));
        epsilon(values, values.key("attention.layer_norm_epsilon"));
        epsilon(values, values.key("attention.group_norm_epsilon"));
    }

    /**
     * GGML_ASSERT on n_layer_all in load_hparams. A model all of whose layers predict further
     * tokens computes nothing, and GGML_ASSERT(buf != NULL) for its inputs, which nothing uses.
     */
    private int layers() {
        String key = values.key("block_count");
        long layers = values.u32(key).orElse(1);
        values.require(
                layers >= 1 && layers <= MAX_LAYERS, key, layers, "1 to " + MAX_LAYERS + " layers");
        String nextn = values.key("nextn_predict_layers");
        long predicting = values.u32(nextn).orElse(0);
        values.require(predicting < layers, nextn, predicting, "less than block_count, " + layers);
        return (int) layers;
    }

    /**
     * llama_model_n_ctx_train is an int32_t; near 2^32 the padding in llama_context::llama_context
     * wraps around to an empty context.
     */
    private void context() {
        String key = values.key("context_length");
        long length = values.u32(key).orElse(1);
        values.require(length <= Integer.MAX_VALUE, key, length, "less than 2^31");
    }

    /** Without it, what is said of other sizes would be misleading. */
    private void embedding() {
        String key = values.key("embedding_length");
        if (values.u32(key).orElse(0) == 0) {
            throw values.refuse(
                    key + " is missing, 0 or no u32, llama.cpp needs the size of a vector");
        }
    }

    /**
     * llama_context::decode reads vectors of this length from those of the last layer, or of the
     * one layer that some models have after it: GGML_ASSERT(offset + size <= ggml_nbytes(tensor)).
     */
    private void vectors() {
        String key = values.key("embedding_length_out");
        long length = values.u32(key).orElse(0);
        long embedding = values.u32(values.key("embedding_length")).orElse(0);
        values.require(
                length <= embedding
                        || SETS_LENGTH_OUT.contains(values.architecture())
                        || files.tensor("dense_2.weight").isPresent(),
                key,
                length,
                "at most embedding_length, " + embedding);
    }

    /** GGML_ASSERT(hparams.rope_scaling_type_train != LLAMA_ROPE_SCALING_TYPE_UNSPECIFIED). */
    private void ropeScaling() {
        String key = values.key("rope.scaling.type");
        values.text(key)
                .ifPresent(
                        type ->
                                values.require(
                                        ROPE_SCALING.contains(type),
                                        key,
                                        Text.quote(type),
                                        "one of " + String.join(", ", ROPE_SCALING)));
    }

    private void heads(int layers) {
        String key = values.key("attention.head_count");
        long[] heads = values.perLayer(key, layers).orElse(new long[layers]);
        String kvKey = values.key("attention.head_count_kv");
        long[] kv = values.perLayer(kvKey, layers).orElse(heads);
        for (int i = 0; i < layers; i++) {
            // ggml_mul_mat and ggml_flash_attn_ext: GGML_ASSERT(ggml_can_mul_mat(k, q))
            values.require(
                    heads[i] == 0 || kv[i] == 0 || heads[i] % kv[i] == 0,
                    kvKey,
                    kv[i],
                    "a divisor of head_count, " + heads[i] + ", in layer " + i);
        }
        values.require(
                heads[0] > 0 || !DIVIDES_BY_HEADS.contains(values.architecture()),
                key,
                heads[0],
                "1 or more");
        if (heads[0] > 0) {
            new HeadCheck(values, heads[0]).check();
        }
        requireShapes(kvKey, kv, heads[0]);
    }

    /**
     * Some loaders give all layers the shape of the first, and the graph has that of each:
     * ggml_reshape_3d: GGML_ASSERT(ggml_nelements(a) == ne0*ne1*ne2), or ggml_set_rows.
     */
    private void requireShapes(String key, long[] kv, long firstHeads) {
        long embedding = values.u32(values.key("embedding_length")).orElse(0);
        long usual = firstHeads > 0 ? embedding / firstHeads : 0;
        long size = values.u32(values.key("attention.key_length")).orElse(usual);
        long window = values.u32(values.key("attention.key_length_swa")).orElse(size);
        boolean isSame = Arrays.stream(kv).allMatch(count -> count == kv[0]);
        if (isSame || size == 0) {
            return;
        }
        for (int i = 0; i < kv.length; i++) {
            // Elsewhere, a layer without heads is a recurrent one.
            if (kv[i] == 0 && !HeadCheck.isStrict(values.architecture())) {
                continue;
            }
            String name = "blk." + i + ".attn_k.weight";
            long rows = files.tensor(name).map(ArchitectureCheck::rows).orElse(-1L);
            values.require(
                    rows < 0 || rows == kv[i] * size || rows == kv[i] * window,
                    key,
                    kv[i],
                    String.format(Locale.ROOT, "%d in layer %d, as %s has", rows / size, i, name));
        }
    }

    private static long rows(TensorInfo tensor) {
        return tensor.shape().size() < 2 ? -1 : tensor.shape().get(1);
    }

    /** llm_graph_context::build_pooling: GGML_ABORT("unknown pooling type"). */
    private void pooling() {
        String key = values.key("pooling_type");
        long type = values.u32(key).orElse(UNSPECIFIED);
        values.require(
                type <= MAX_POOLING || type == UNSPECIFIED, key, type, "0 to " + MAX_POOLING);
    }

    /** ggml_compute_forward_norm_f32 and its siblings: GGML_ASSERT(eps >= 0.0f). */
    static void epsilon(Hyperparameters values, String key) {
        OptionalDouble epsilon = values.f32(key);
        if (epsilon.isPresent()) {
            values.require(epsilon.getAsDouble() >= 0, key, epsilon.getAsDouble(), "0 or more");
        }
    }
}
