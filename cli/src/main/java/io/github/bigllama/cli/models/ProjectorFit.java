package io.github.bigllama.cli.models;

import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.inspect.ModelKind;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * Whether a projector was made for a model, as far as their headers tell: llama.cpp requires that
 * its embeddings are as long as those of the model's tokens ({@code mtmd_init} in {@code
 * mtmd.cpp}).
 */
public final class ProjectorFit {
    /** Parts of a projector that come after the encoder of images. */
    private static final List<String> LAST_PARTS = List.of("mm.", "resampler.");

    private final ModelFiles model;

    /** For a model with these headers. */
    public ProjectorFit(ModelFiles model) {
        this.model = model;
    }

    /** Why a file is no projector for the model; empty if it may be one. */
    public Optional<String> lack(Path file) {
        ModelFiles projector;
        try {
            projector = ModelFiles.read(file);
        } catch (GgufException e) {
            // Its message names the file by itself.
            return Optional.of(e.getMessage());
        }
        ModelKind kind = ModelKind.of(projector);
        if (kind != ModelKind.PROJECTOR) {
            return Optional.of(file + " " + kind.sentence() + ", not a projector (mmproj)");
        }
        OptionalLong width =
                number(model, model.first().architecture().orElse("") + ".embedding_length");
        List<Long> lengths = lengths(projector);
        if (width.isEmpty() || lengths.isEmpty() || lengths.contains(width.getAsLong())) {
            return Optional.empty();
        }
        return Optional.of(
                String.format(
                        Locale.ROOT,
                        "%s is for a model with embeddings of %d numbers, and this one has %d",
                        file,
                        lengths.getFirst(),
                        width.getAsLong()));
    }

    /** The lengths that its embeddings may have. */
    private static List<Long> lengths(ModelFiles projector) {
        if (projector.metadata().find("general.type").isPresent()) {
            return Stream.of("vision", "audio")
                    .flatMap(
                            group ->
                                    number(projector, "clip." + group + ".projection_dim").stream()
                                            .boxed())
                    .filter(length -> length > 0)
                    .toList();
        }
        // Converters of old wrote there what the encoder of images was trained with.
        return projector.tensors().stream()
                .filter(tensor -> LAST_PARTS.stream().anyMatch(tensor.name()::startsWith))
                .map(ProjectorFit::rows)
                .distinct()
                .toList();
    }

    private static long rows(TensorInfo tensor) {
        return tensor.ne(tensor.shape().size() == 1 ? 0 : 1);
    }

    private static OptionalLong number(ModelFiles files, String key) {
        return files.metadata().find(key).orElse(null) instanceof GgufValue.Int found
                ? OptionalLong.of(found.value())
                : OptionalLong.empty();
    }
}
