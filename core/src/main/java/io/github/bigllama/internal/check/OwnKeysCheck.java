package io.github.bigllama.internal.check;

import java.util.OptionalDouble;

/**
 * Checks numbers that only one architecture has: each rule is a GGML_ASSERT, or a division, in its
 * file in llama.cpp's src/models.
 */
final class OwnKeysCheck {
    private static final String STEP = "interleave_moe_layer_step";

    private final Hyperparameters values;
    private final int layers;

    OwnKeysCheck(Hyperparameters values, int layers) {
        this.values = values;
        this.layers = layers;
    }

    void check() {
        switch (values.architecture()) {
            case "deepseek2" -> temperature();
            case "ernie4_5-moe" -> atLeastOne(STEP, 0);
            case "minimax-m3" -> atLeastOne("attention.indexer.block_size", 1);
            case "nanbeige" -> loops();
            case "hrm_text" -> stacks();
            case "bailingmoe3" -> gate();
            case "gemma-embedding" -> {
                fitsEmbedding("dense_2_feat_in");
                fitsEmbedding("dense_3_feat_out");
            }
            default -> {}
        }
    }

    private long atLeastOne(String name, long standard) {
        String key = values.key(name);
        long number = values.u32(key).orElse(standard);
        values.require(number > 0, key, number, "1 or more");
        return number;
    }

    /** GGML_ASSERT(n_attn_temp_floor_scale != 0) in llama-graph.cpp. */
    private void temperature() {
        OptionalDouble scale = values.f32(values.key("attention.temperature_scale"));
        if (scale.isPresent() && scale.getAsDouble() != 0) {
            atLeastOne("attention.temperature_length", 0);
        }
    }

    private void loops() {
        long loops = atLeastOne("num_loops", 1);
        values.require(
                loops * layers <= ArchitectureCheck.MAX_LAYERS,
                values.key("num_loops"),
                loops,
                "at most " + ArchitectureCheck.MAX_LAYERS + " layers in all");
    }

    /** llama.cpp multiplies them as 32-bit numbers, too. */
    private void stacks() {
        long perStack = atLeastOne("hrm.layers_per_stack", 1);
        long high = atLeastOne("hrm.h_cycles", 1);
        long low = atLeastOne("hrm.l_cycles", 1);
        int all = (int) perStack * (int) high * ((int) low + 1);
        long own = layers - values.u32(values.key("nextn_predict_layers")).orElse(0);
        values.require(
                (all & 0xFFFF_FFFFL) == own,
                values.key("block_count"),
                layers,
                "hrm.layers_per_stack times hrm.h_cycles times hrm.l_cycles + 1, "
                        + (all & 0xFFFF_FFFFL));
    }

    private void gate() {
        String key = values.key("kda.gate_lower_bound");
        OptionalDouble bound = values.f32(key);
        if (bound.isPresent()) {
            values.require(bound.getAsDouble() < 0, key, bound.getAsDouble(), "less than 0");
        }
        String safe = values.key("kda.safe_gate");
        values.require(values.bool(safe).orElse(true), safe, false, "true");
    }

    private void fitsEmbedding(String name) {
        String key = values.key(name);
        long size = values.u32(key).orElse(0);
        long embedding = values.u32(values.key("embedding_length")).orElse(0);
        values.require(
                size == 0 || size == embedding, key, size, "the embedding_length, " + embedding);
    }
}
