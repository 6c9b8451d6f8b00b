package io.github.bigllama.internal.load;

import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.internal.check.Hyperparameters;
import java.util.Map;
import java.util.Set;

/** The layers at the end of a model that predict further tokens (multi-token prediction). */
public final class MtpLayers {
    /**
     * Most tokens of a draft, llama.cpp's default: it computes all of them, however few are wanted,
     * and each costs a recurrent model a copy of its state.
     */
    public static final int MOST = 3;

    /**
     * The architectures of which it is tested that these layers draft. llama.cpp has a graph of
     * them for more, and ends the process where a model is not as the graph takes for granted.
     */
    private static final Set<String> TESTED = Set.of("qwen35", "qwen35moe", "glm4moe");

    private MtpLayers() {}

    /** Whether a model has such layers, and they can draft. */
    static boolean areUsable(ModelFiles files, Map<String, ?> overrides) {
        Hyperparameters values = Hyperparameters.of(files, overrides);
        long layers = values.u32(values.key("block_count")).orElse(0);
        long keys = values.u32(values.key("attention.key_length")).orElse(0);
        return TESTED.contains(values.architecture())
                && values.u32(values.key("nextn_predict_layers")).orElse(0) == 1
                && keys == values.u32(values.key("attention.value_length")).orElse(0)
                && layers > 1
                && files.tensor("blk." + (layers - 1) + ".nextn.eh_proj.weight").isPresent();
    }
}
