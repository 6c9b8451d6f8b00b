package io.github.bigllama.internal.engine;

import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.pager.Pager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A copy of a model, to read from both. */
final class ModelMirror {
    private final Path path;
    private final Path mirror;

    private ModelMirror(Path path, Path mirror) {
        this.path = path;
        this.mirror = mirror;
    }

    /**
     * The files of a copy, once sizes, headers and a page of each of some tensors are found to be
     * the same.
     *
     * @param path the model, for messages
     * @param mirror its copy, or the first part of that
     * @throws ModelLoadException if it is not a copy, or can't be used as one; it says why
     */
    static List<Path> files(Path path, Weights weights, Path mirror) {
        return new ModelMirror(path, mirror).check(weights);
    }

    private List<Path> check(Weights weights) {
        try {
            Weights copy = Weights.of(ModelFiles.read(mirror));
            if (copy.files().size() != weights.files().size()) {
                throw refusal(
                        "it has %d files, and %s has %d"
                                .formatted(copy.files().size(), path, weights.files().size()));
            }
            for (int i = 0; i < weights.files().size(); i++) {
                check(weights.files().get(i), copy.files().get(i));
            }
            if (!ModelFingerprint.of(copy, Map.of())
                    .equals(ModelFingerprint.of(weights, Map.of()))) {
                throw refusal("what is in it differs from " + path);
            }
            Pager.requireMirrors(weights.files(), copy.files());
            return copy.files();
        } catch (GgufException | IOException e) {
            throw refusal(e.getMessage());
        }
    }

    private void check(Path original, Path copy) throws IOException {
        if (Files.isSameFile(original, copy)) {
            throw refusal("it is the same file as " + original);
        }
        long size = Files.size(copy);
        if (size != Files.size(original)) {
            throw refusal(
                    "%s has %d bytes, and %s has %d"
                            .formatted(copy, size, original, Files.size(original)));
        }
    }

    private ModelLoadException refusal(String reason) {
        return new ModelLoadException(
                path,
                "%s can't be the mirror of %s: %s; give a copy of it on another disk, or leave the mirror out"
                        .formatted(mirror, path, reason),
                List.of(),
                null);
    }
}
