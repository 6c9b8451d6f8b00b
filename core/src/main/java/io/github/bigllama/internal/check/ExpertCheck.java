package io.github.bigllama.internal.check;

import java.util.Arrays;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Checks the experts of a model: load_hparams in llama-model.cpp, build_moe_ffn in llama-graph.cpp
 * and what models/*.cpp assert of them.
 */
final class ExpertCheck {
    /** LLAMA_MAX_EXPERTS in llama-hparams.h. */
    private static final int MAX_EXPERTS = 1024;

    /** The last of enum llama_expert_gating_func_type; 0 is "none". */
    private static final long MAX_GATING = 4;

    /** Architectures that take a gating function of their own where the file has "none". */
    private static final Set<String> HAS_GATING =
            Set.of(
                    "afmoe",
                    "cohere2moe",
                    "deepseek2",
                    "deepseek2-ocr",
                    "glm-dsa",
                    "glm4moe",
                    "hy_v3",
                    "laguna",
                    "step35");

    /** Architectures that compute with whatever gating function the file has. */
    private static final Set<String> NEEDS_GATING =
            Set.of(
                    "bailingmoe2",
                    "bailingmoe3",
                    "deepseek32",
                    "dots1",
                    "dots3note",
                    "exaone-moe",
                    "hy_v4",
                    "kimi-k3",
                    "kimi-linear",
                    "lfm2moe",
                    "minimax-m2",
                    "minimax-m3",
                    "smallthinker");

    /** GGML_ASSERT(n_expert > 0) and GGML_ASSERT(n_expert_used > 0), the latter of layer 0. */
    private static final Set<String> NEEDS_EXPERTS =
            Set.of("bailingmoe2", "glm4moe", "grovemoe", "lfm2moe", "llada-moe", "smallthinker");

    /** Architectures that divide by the experts used in layer 0 for the size of one expert. */
    private static final Set<String> DIVIDES_BY_USED = Set.of("qwen35moe", "qwen3next", "qwen4exp");

    private final Hyperparameters values;
    private final int layers;

    ExpertCheck(Hyperparameters values, int layers) {
        this.values = values;
        this.layers = layers;
    }

    void check() {
        String key = values.key("expert_count");
        long experts = values.u32(key).orElse(0);
        String arch = values.architecture();
        if (experts <= 1 && (arch.equals("hunyuan_vl") || arch.equals("hunyuan-dense"))) {
            return;
        }
        values.require(experts <= MAX_EXPERTS, key, experts, "at most " + MAX_EXPERTS);
        values.require(
                experts > 0 || !NEEDS_EXPERTS.contains(arch) || !hasExpertLayers(),
                key,
                experts,
                "1 or more for " + arch);
        String usedKey = values.key("expert_used_count");
        long[] used = values.perLayer(usedKey, layers).orElse(new long[layers]);
        long most = Arrays.stream(used).max().orElse(0);
        String groupsKey = values.key("expert_group_count");
        long groups = values.u32(groupsKey).orElse(0);
        if (experts == 0) {
            values.require(most == 0, usedKey, most, "none without expert_count");
            values.require(groups == 0, groupsKey, groups, "none without expert_count");
            return;
        }
        values.require(
                most >= 1 && most <= experts, usedKey, most, "1 to expert_count, " + experts);
        used(usedKey, used);
        groups(experts, groupsKey, groups);
        gating();
        if (arch.equals("grovemoe")) {
            String perGroup = values.key("experts_per_group");
            long size = values.u32(perGroup).orElse(1);
            values.require(
                    size >= 1 && size <= experts, perGroup, size, "1 to expert_count, " + experts);
        }
    }

    /** Layers up to leading_dense_block_count have no experts. */
    private boolean hasExpertLayers() {
        return !values.architecture().equals("lfm2moe")
                || values.u32(values.key("leading_dense_block_count")).orElse(0) < layers;
    }

    private void used(String key, long[] used) {
        String arch = values.architecture();
        boolean divides =
                DIVIDES_BY_USED.contains(arch) && sizes("expert_feed_forward_length")[0] == 0;
        values.require(
                used[0] > 0 || !divides && !NEEDS_EXPERTS.contains(arch),
                key,
                used[0],
                "1 or more in layer 0");
        if (arch.startsWith("nemotron_h")) {
            long[] own = sizes("expert_feed_forward_length");
            long[] all = sizes("feed_forward_length");
            for (int i = 0; i < layers; i++) {
                values.require(
                        all[i] == 0 || own[i] > 0 || used[i] > 0,
                        key,
                        used[i],
                        "1 or more in layer " + i);
            }
        }
    }

    private long[] sizes(String name) {
        return values.perLayer(values.key(name), layers).orElse(new long[layers]);
    }

    private void groups(long experts, String key, long groups) {
        values.require(groups < experts, key, groups, "less than expert_count, " + experts);
        if (groups > 1) {
            values.require(
                    experts % groups == 0, key, groups, "a divisor of expert_count, " + experts);
            String usedKey = values.key("expert_group_used_count");
            long used = values.u32(usedKey).orElse(0);
            values.require(used >= 1 && used < groups, usedKey, used, "1 to " + (groups - 1));
        }
    }

    /** build_moe_ffn: GGML_ABORT("fatal error") for a gating function that it doesn't know. */
    private void gating() {
        String arch = values.architecture();
        boolean needs = NEEDS_GATING.contains(arch);
        if (!needs && !HAS_GATING.contains(arch)) {
            return;
        }
        String key = values.key("expert_gating_func");
        OptionalLong gating = values.u32(key);
        long least = needs ? 1 : 0;
        values.require(
                gating.orElse(0) >= least && gating.orElse(0) <= MAX_GATING,
                key,
                gating.isPresent() ? gating.getAsLong() : "missing",
                least + " to " + MAX_GATING);
    }
}
