package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.ModelFiles;
import java.util.Set;

/** Checks tensors that llama.cpp's loader considers optional, but its graphs use unchecked. */
final class LayerCheck {
    /** create_tensor_qkv with TENSOR_NOT_REQUIRED, build_qkv without a check: a NULL in mul_mat. */
    private static final Set<String> ATTENTION = Set.of("phi3", "pockettts");

    private final ModelFiles files;
    private final Hyperparameters values;

    LayerCheck(ModelFiles files, Hyperparameters values) {
        this.files = files;
        this.values = values;
    }

    void check() {
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
