package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.ModelFiles;
import java.util.Set;

/** Checks tensors that llama.cpp's loader considers optional, but its graphs use unchecked. */
final class LayerCheck {
    /** create_tensor_qkv with TENSOR_NOT_REQUIRED, build_qkv without a check: a NULL in mul_mat. */
    private static final Set<String> ATTENTION = Set.of("phi3", "pockettts");

    /**
     * mtp_only in load_arch_tensors: without the norm of layer 0, a file is taken for the layers
     * that predict further tokens alone, and no tensor of the others has to be there.
     */
    private static final Set<String> MTP_ONLY =
            Set.of(
                    "bailingmoe3",
                    "cohere2moe",
                    "deepseek2",
                    "deepseek32",
                    "deepseek4",
                    "glm-dsa",
                    "glm4moe",
                    "hy_v3",
                    "nemotron_h",
                    "nemotron_h_moe",
                    "qwen35",
                    "qwen35moe",
                    "qwen3next",
                    "step35");

    private static final String FIRST = "blk.0.attn_norm";

    private final ModelFiles files;
    private final Hyperparameters values;

    LayerCheck(ModelFiles files, Hyperparameters values) {
        this.files = files;
        this.values = values;
    }

    void check() {
        if (MTP_ONLY.contains(values.architecture())
                && values.u32(values.key("nextn_predict_layers")).orElse(0) > 0
                && !has(FIRST)) {
            throw new GgufException(
                    Problem.UNUSABLE,
                    files.first().file(),
                    "has no tensor "
                            + FIRST
                            + ".weight: it has only the layers that predict further tokens for"
                            + " another file, or is damaged; give the file of the whole model");
        }
        if (ATTENTION.contains(values.architecture())) {
            long layers = values.u32(values.key("block_count")).orElse(0);
            for (int i = 0; i < layers; i++) {
                String prefix = "blk." + i + ".attn_";
                if (!has(prefix + "qkv")
                        && !(has(prefix + "q") && has(prefix + "k") && has(prefix + "v"))) {
                    throw values.refuse("layer " + i + " has no " + prefix + "qkv.weight");
                }
            }
        }
    }

    private boolean has(String name) {
        return files.tensor(name + ".weight").isPresent();
    }
}
