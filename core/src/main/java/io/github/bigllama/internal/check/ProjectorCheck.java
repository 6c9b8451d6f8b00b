package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.internal.text.Text;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Checks a projector (mmproj) for what would end the process: what fails only when an image is
 * computed, in threads of the CPU backend, where no exception can be thrown, and tensors that
 * llama.cpp uses outside of graphs without asking whether they are there. Of tensors in graphs it
 * throws an exception (native/server/projector.h).
 */
public final class ProjectorCheck {
    /** Types whose position embeddings clip.cpp and its models take for granted. */
    private static final Set<String> POSITIONED =
            Set.of(
                    "gemma4uv",
                    "gemma4v",
                    "glma",
                    "kimik25",
                    "kimivl",
                    "lfm2",
                    "lfm2a",
                    "meralion",
                    "muse-glimmer",
                    "musicflamingo",
                    "paddleocr",
                    "phi4",
                    "qwen2.5o",
                    "qwen2a",
                    "qwen3a",
                    "ultravox",
                    "voxtral");

    private static final Set<String> LAYERLESS = Set.of("gemma4ua", "gemma4uv");

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
        check.complete(
                files.parts().stream()
                        .flatMap(part -> part.tensors().stream())
                        .map(TensorInfo::name)
                        .collect(Collectors.toSet()));
    }

    /** That there is what clip_n_mmproj_embd and the beginnings of graphs read. */
    private void complete(Set<String> tensors) {
        for (String group : List.of("vision", "audio")) {
            String type =
                    values.text("clip.projector_type")
                            .or(() -> values.text("clip." + group + ".projector_type"))
                            .orElse("");
            if (!values.bool("clip.has_" + group + "_encoder").orElse(false)) {
                continue;
            }
            String layers = "clip." + group + ".block_count";
            long count = values.u32(layers).orElse(1);
            // Their graphs begin with the first layer; its memory is taken before it is looked for.
            int least = LAYERLESS.contains(type) ? 0 : 1;
            values.require(
                    count >= least && count <= tensors.size(),
                    layers,
                    count,
                    least + " to " + tensors.size() + ", as there are so many tensors");
            if (POSITIONED.contains(type)) {
                require(tensors, type, group.charAt(0) + ".position_embd.weight");
            }
            if (type.equals("mlp")) {
                require(tensors, type, "mm.2.weight");
                if (tensors.contains("mm.3.weight")) {
                    require(tensors, type, "mm.3.bias");
                }
            }
            if (type.equals("gemma4a")) {
                require(tensors, type, "mm.a.input_projection.weight");
            }
            if (type.equals("deepseekocr2")) {
                require(tensors, type, "v.view_seperator");
            }
        }
    }

    private void require(Set<String> tensors, String type, String name) {
        if (!tensors.contains(name)) {
            throw values.refuse(
                    "tensor %s is missing, which a projector of type %s needs"
                            .formatted(Text.quote(name), Text.quote(type)));
        }
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
