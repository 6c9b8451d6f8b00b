package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.internal.text.Text;
import java.util.List;
import java.util.Map;

/**
 * Checks a projector (mmproj) for what ends the process only when an image is computed, in threads
 * of the CPU backend, where no exception can be thrown.
 */
public final class ProjectorCheck {
    private final Hyperparameters values;

    private ProjectorCheck(Hyperparameters values) {
        this.values = values;
    }

    /**
     * Checks a projector.
     *
     * @throws GgufException if it would crash llama.cpp
     */
    public static void check(ModelFiles files) {
        files.parts().forEach(ModelCheck::requireByteOrder);
        ProjectorCheck check = new ProjectorCheck(Hyperparameters.of(files, Map.of()));
        // KEY_LAYER_NORM_EPS in clip-impl.h.
        for (String group : List.of("vision", "audio")) {
            ArchitectureCheck.epsilon(
                    check.values, "clip." + group + ".attention.layer_norm_epsilon");
        }
        files.parts().forEach(part -> part.tensors().forEach(check::usable));
    }

    private void usable(TensorInfo tensor) {
        if (TensorCheck.NEVER_MULTIPLIED.contains(tensor.type())) {
            throw values.refuse(
                    "tensor %s has type %s, which llama.cpp cannot compute with"
                            .formatted(Text.quote(tensor.name()), tensor.type().label()));
        }
        // binary_op: GGML_ABORT("unsupported types"). The converters write all of these as F32.
        boolean isFactor = tensor.ne(1) == 1 && tensor.name().endsWith(".weight");
        boolean isSummand = tensor.name().endsWith(".bias");
        if ((isFactor || isSummand) && tensor.type() != GgmlType.F32) {
            throw values.refuse(
                    "tensor %s has type %s, llama.cpp needs f32 there"
                            .formatted(Text.quote(tensor.name()), tensor.type().label()));
        }
    }
}
