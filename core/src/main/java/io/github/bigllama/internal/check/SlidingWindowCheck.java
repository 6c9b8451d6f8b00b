package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufValueType;
import java.util.Set;

/** Checks attention over a sliding window in some of the layers. */
final class SlidingWindowCheck {
    /** llama_kv_cache::set_input_kq_mask reserves four bytes for each position of the window. */
    private static final long MAX_WINDOW = 1L << 30;

    /** llama4's n_no_rope_layer_step. */
    private static final int LLAMA4_STEP = 4;

    /** Architectures that read which layers have a window (load_swa_pattern) if there is one. */
    private static final Set<String> READS_PATTERN =
            Set.of(
                    "afmoe",
                    "cohere2",
                    "cohere2moe",
                    "exaone-moe",
                    "gemma-embedding",
                    "gemma2",
                    "gemma3",
                    "gemma3n",
                    "gpt-oss",
                    "laguna",
                    "llama4",
                    "mellum",
                    "modern-bert",
                    "muse-glimmer",
                    "olmo2",
                    "plamo3",
                    "smallthinker");

    private final Hyperparameters values;

    SlidingWindowCheck(Hyperparameters values) {
        this.values = values;
    }

    void check(int layers) {
        if (!READS_PATTERN.contains(values.architecture())) {
            return;
        }
        String key = values.key("attention.sliding_window");
        long window = values.u32(key).orElse(0);
        values.require(window <= MAX_WINDOW, key, window, "at most " + MAX_WINDOW);
        if (window > 0) {
            pattern(layers);
        } else if (values.architecture().equals("llama4") && values.u32(key).isPresent()) {
            // llm_graph_input_attn_temp::set_input: GGML_ASSERT(f_attn_temp_scale != 0.0f)
            throw values.refuse(key + " is 0, which llama.cpp v0.5.0 cannot run");
        }
        if (values.architecture().equals("llama4")) {
            // ggml_backend_tensor_set: GGML_ASSERT(buf != NULL) for inp_attn_scale, which only each
            // fourth layer uses
            values.require(
                    layers >= LLAMA4_STEP,
                    values.key("block_count"),
                    layers,
                    LLAMA4_STEP + " layers or more");
        }
    }

    /** llama_model::create_memory: GGML_ASSERT(hparams.is_swa_any()). */
    private void pattern(int layers) {
        String key = values.key("attention.sliding_window_pattern");
        // Every n-th layer has no window: with 1, none has.
        long step = values.u32(key).orElse(0);
        values.require(step != 1, key, step, "2 or more");
        for (GgufValueType type :
                new GgufValueType[] {
                    GgufValueType.BOOL, GgufValueType.UINT32, GgufValueType.INT32
                }) {
            values.array(key, type)
                    .ifPresent(
                            array ->
                                    values.require(
                                            anyWindow(array, layers),
                                            key,
                                            "for no layer",
                                            "a layer with a window"));
        }
    }

    private static boolean anyWindow(GgufArray array, int layers) {
        for (int i = 0; i < Math.min(array.size(), layers); i++) {
            if (array.elementType() == GgufValueType.BOOL ? array.bool(i) : array.integer(i) != 0) {
                return true;
            }
        }
        return false;
    }
}
