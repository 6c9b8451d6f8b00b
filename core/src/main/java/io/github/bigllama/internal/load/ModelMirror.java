package io.github.bigllama.internal.load;

import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.pager.Pager;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Checks a copy of a model that is to be read from as well. */
final class ModelMirror {
    private final Path path;
    private final Path mirror;

    private ModelMirror(Path path, Path mirror) {
        this.path = path;
        this.mirror = mirror;
    }

    /**
     * The files of a copy, after a check that sizes, headers and a page of each of some tensors are
     * the same.
     *
     * @param path the model, for messages
     * @param mirror the copy, or its first part
     * @throws ModelLoadException if it is not a copy, or can't be used as one, with the reason
     */
    static List<Path> files(Path path, Weights weights, Path mirror) {
        return new ModelMirror(path, mirror).check(weights);
    }

    private List<Path> check(Weights weights) {
        try {
            Weights copy = Weights.of(ModelFiles.read(mirror));
            if (copy.files().size() != weights.files().size()) {
                throw refusal(
                        String.format(
                                Locale.ROOT,
                                "it has %d files, but %s has %d",
                                copy.files().size(),
                                path,
                                weights.files().size()));
            }
            for (int i = 0; i < weights.files().size(); i++) {
                check(weights.files().get(i), copy.files().get(i));
            }
            if (!ModelFingerprint.of(copy, Map.of())
                    .equals(ModelFingerprint.of(weights, Map.of()))) {
                throw refusal("its contents differ from those of " + path);
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
                    String.format(
                            Locale.ROOT,
                            "%s has %d bytes, but %s has %d",
                            copy,
                            size,
                            original,
                            Files.size(original)));
        }
    }

    private ModelLoadException refusal(String reason) {
        return new ModelLoadException(
                path,
                "%s can't be the mirror of %s: %s; give an exact copy on another disk, or leave out the mirror"
                        .formatted(mirror, path, reason),
                List.of(),
                null);
    }
}
