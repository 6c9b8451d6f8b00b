package io.github.bigllama.internal.check;

import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.LongStream;

/**
 * Checks the sizes of layers with a state instead of a KV cache: those of Mamba, of linear
 * attention, of RWKV and of short convolutions.
 *
 * <p>The loader compares the tensors with some of these numbers, and the graphs reshape what they
 * compute by others, with GGML_ASSERTs that both have the same number of elements.
 */
final class RecurrentCheck {
    private static final String INNER = "ssm.inner_size";
    private static final String HEADS = "ssm.time_step_rank";
    private static final String GROUPS = "ssm.group_count";
    private static final String STATE = "ssm.state_size";
    private static final String INTERVAL = "full_attention_interval";

    private final Hyperparameters values;
    private final int layers;

    RecurrentCheck(Hyperparameters values, int layers) {
        this.values = values;
        this.layers = layers;
    }

    void check() {
        switch (values.architecture()) {
            case "jamba" -> twice();
            case "granitehybrid" -> {
                twice();
                if (hasLayerWithoutKeys()) {
                    heads();
                    groups();
                }
            }
            case "mamba2", "falcon-h1" -> {
                heads();
                groups();
            }
            case "nemotron_h", "nemotron_h_moe" -> {
                if (hasLayerWithoutKeys()) {
                    heads();
                    groups();
                }
            }
            case "plamo2" -> {
                if (hasLayerWithoutKeys()) {
                    heads();
                    long groups = number(GROUPS).orElse(0);
                    values.require(groups == 0, values.key(GROUPS), groups, "0");
                }
            }
            case "qwen3next", "qwen35", "qwen35moe", "qwen4exp" -> {
                if (hasLinearLayer(4)) {
                    linear();
                }
            }
            case "minimax-01" -> hasLinearLayer(8);
            case "rwkv6", "rwkv7" -> rwkv(2);
            case "rwkv6qwen2", "arwkv7" -> rwkv(1);
            case "lfm2", "lfm2moe" -> {
                if (hasLayerWithoutKeys()) {
                    atLeast("shortconv.l_cache", 2);
                }
            }
            default -> {}
        }
    }

    /** GGML_ASSERT(2 * n_embd == d_inner) in load_arch_tensors. */
    private void twice() {
        long embedding = number("embedding_length").orElse(0);
        OptionalLong inner = number(INNER);
        if (inner.isPresent()) {
            values.require(
                    inner.getAsLong() == 2 * embedding,
                    values.key(INNER),
                    inner.getAsLong(),
                    "twice the embedding_length, " + embedding);
        }
    }

    /** GGML_ASSERT(d_inner % n_head == 0) in build_mamba2_layer. */
    private void heads() {
        if (atLeast(HEADS, 1) && number(INNER).isPresent()) {
            divides(HEADS, INNER);
        }
    }

    /** GGML_ASSERT(d_inner % n_group == 0), and a division in load_arch_tensors. */
    private void groups() {
        if (atLeast(GROUPS, 1) && number(INNER).isPresent()) {
            divides(GROUPS, INNER);
        }
    }

    /**
     * build_delta_net: GGML_ASSERT(S_k == S_v), and GGML_ASSERT(num_v_heads % num_k_heads == 0) in
     * build_layer_attn_linear.
     */
    private void linear() {
        if (atLeast(GROUPS, 1) && atLeast(HEADS, 1)) {
            divides(GROUPS, HEADS);
            long heads = number(HEADS).getAsLong();
            OptionalLong state = number(STATE);
            OptionalLong inner = number(INNER);
            if (state.isPresent() && inner.isPresent()) {
                values.require(
                        inner.getAsLong() == heads * state.getAsLong(),
                        values.key(INNER),
                        inner.getAsLong(),
                        heads
                                + " heads ("
                                + HEADS
                                + ") of "
                                + state.getAsLong()
                                + " ("
                                + STATE
                                + ")");
            }
        }
    }

    /**
     * GGML_ASSERT(hparams.token_shift_count == 2), or GGML_ASSERT(n_embd == hparams.n_embd_r()),
     * and ggml_reshape_3d of a row to heads.
     */
    private void rwkv(long shifts) {
        long shift = number("token_shift_count").orElse(2);
        values.require(shift == shifts, values.key("token_shift_count"), shift, "" + shifts);
        if (atLeast("wkv.head_size", 1)) {
            divides("wkv.head_size", "embedding_length");
        }
    }

    /** A layer without heads of keys has a state. */
    private boolean hasLayerWithoutKeys() {
        long[] heads =
                values.perLayer(values.key("attention.head_count_kv"), layers)
                        .or(() -> values.perLayer(values.key("attention.head_count"), layers))
                        .orElse(new long[layers]);
        return LongStream.of(heads).anyMatch(count -> count == 0);
    }

    /** load_arch_hparams, which divides by the interval, unless the file says it layer by layer. */
    private boolean hasLinearLayer(long standard) {
        Optional<long[]> linear = values.perLayer(values.key("attention.recurrent_layers"), layers);
        if (linear.isPresent()) {
            return LongStream.of(linear.get()).anyMatch(layer -> layer != 0);
        }
        long interval = number(INTERVAL).orElse(standard);
        values.require(interval > 0, values.key(INTERVAL), interval, "1 or more");
        return interval > 1;
    }

    /** Whether the number is there; without it, llama.cpp itself reports an error. */
    private boolean atLeast(String name, long least) {
        OptionalLong number = number(name);
        if (number.isPresent()) {
            values.require(
                    number.getAsLong() >= least,
                    values.key(name),
                    number.getAsLong(),
                    least + " or more");
        }
        return number.isPresent();
    }

    private void divides(String name, String whole) {
        long part = number(name).getAsLong();
        long all = number(whole).orElse(0);
        values.require(
                all % part == 0, values.key(name), part, "a divisor of " + whole + ", " + all);
    }

    private OptionalLong number(String name) {
        return values.u32(values.key(name));
    }
}
