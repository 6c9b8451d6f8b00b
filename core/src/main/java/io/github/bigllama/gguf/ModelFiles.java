package io.github.bigllama.gguf;

import io.github.bigllama.gguf.GgufException.Problem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * The headers of all files of a model: usually one; large models come in parts named {@code
 * <prefix>-00001-of-00005.gguf}, of which the first holds the metadata. Immutable.
 */
public final class ModelFiles {
    private final List<Gguf> parts;

    private ModelFiles(List<Gguf> parts) {
        this.parts = List.copyOf(parts);
    }

    /**
     * Reads the header of a model's file, and if it is the first of several, of all others, which
     * must lie beside it.
     *
     * @param path the file, or the first part
     * @throws GgufException if {@link Gguf#read} would throw for any part, a part is missing or
     *     belongs elsewhere, or {@code path} is a part but not the first
     */
    public static ModelFiles read(Path path) {
        Gguf first = Gguf.read(path);
        int count = splitKey(first, "split.count").orElse(0);
        if (count <= 1) {
            return new ModelFiles(List.of(first));
        }
        int number =
                splitKey(first, "split.no")
                        .orElseThrow(
                                () ->
                                        split(
                                                path,
                                                "is part of a model in %d files but does not say which (no split.no)"
                                                        .formatted(count)));
        SplitName name =
                SplitName.of(path, number, count)
                        .orElseThrow(
                                () ->
                                        split(
                                                path,
                                                "is part %d of a model in %d files, whose name has to end in '%s' for the others to be found: give it back its name"
                                                        .formatted(
                                                                number + 1,
                                                                count,
                                                                SplitName.postfix(number, count))));
        if (number != 0) {
            throw split(
                    path,
                    "is part %d of a model in %d files: open the first, '%s'%s"
                            .formatted(
                                    number + 1,
                                    count,
                                    name.part(0).getFileName(),
                                    Files.exists(name.part(0)) ? "" : ", which is missing here"));
        }
        checkAllThere(path, name);
        List<Gguf> parts = new ArrayList<>(List.of(first));
        for (int i = 1; i < count; i++) {
            parts.add(part(name.part(i), i));
        }
        var model = new ModelFiles(parts);
        model.checkTensors();
        return model;
    }

    private static void checkAllThere(Path first, SplitName name) {
        List<Path> missing =
                IntStream.range(1, name.count())
                        .mapToObj(name::part)
                        .filter(Files::notExists)
                        .toList();
        if (!missing.isEmpty()) {
            throw new GgufException(
                    Problem.SPLIT,
                    missing.getFirst(),
                    "is missing: '%s' is the first of %d files%s; put %s beside it"
                            .formatted(
                                    first.getFileName(),
                                    name.count(),
                                    missing.size() == 1
                                            ? ""
                                            : ", and %d of the others are missing"
                                                    .formatted(missing.size()),
                                    missing.size() == 1 ? "this one" : "them"));
        }
    }

    private static Gguf part(Path path, int number) {
        Gguf part = Gguf.read(path);
        // here llama.cpp asserts the type (gguf_get_val_u16), and a wrong one ends the process
        int actual =
                splitKey(part, "split.no")
                        .orElseThrow(
                                () -> split(path, "does not say which part it is (no split.no)"));
        if (actual != number) {
            throw split(
                    path,
                    "says it is part %d, its name says part %d: the files are mixed up"
                            .formatted(actual + 1, number + 1));
        }
        return part;
    }

    private static Optional<Integer> splitKey(Gguf gguf, String key) {
        return gguf.metadata().find(key).map(value -> number(gguf, key, value));
    }

    private static int number(Gguf gguf, String key, GgufValue value) {
        if (value instanceof GgufValue.Int number && number.type() == GgufValueType.UINT16) {
            return (int) number.value();
        }
        throw split(
                gguf.path(),
                "%s is %s %s, expected a u16"
                        .formatted(key, value.type().label(), Text.shorten(value.toString())));
    }

    private void checkTensors() {
        Map<String, Gguf> seen = new HashMap<>();
        for (Gguf part : parts) {
            for (TensorInfo tensor : part.tensors()) {
                Gguf other = seen.putIfAbsent(tensor.name(), part);
                if (other != null) {
                    throw split(
                            part.path(),
                            "holds tensor %s, which '%s' holds too: the files are mixed up"
                                    .formatted(
                                            Text.quote(tensor.name()), other.path().getFileName()));
                }
            }
        }
        GgufValue count = metadata().find("split.tensors.count").orElse(null);
        if (!(count instanceof GgufValue.Int number
                && number.type() == GgufValueType.INT32
                && number.value() == seen.size())) {
            throw split(
                    parts.getFirst().path(),
                    "its %d parts hold %d tensors, split.tensors.count is %s: the files are mixed up"
                            .formatted(
                                    parts.size(),
                                    seen.size(),
                                    count == null ? "missing" : Text.shorten(count.toString())));
        }
    }

    private static GgufException split(Path path, String message) {
        return new GgufException(Problem.SPLIT, path, message);
    }

    /** All files, the first part first; one for a model in one file. */
    public List<Gguf> parts() {
        return parts;
    }

    /** The first part, or the only file. */
    public Gguf first() {
        return parts.getFirst();
    }

    /** The metadata: that of the first part. */
    public GgufMetadata metadata() {
        return first().metadata();
    }

    /** The tensors of all parts, in their order. */
    public List<TensorInfo> tensors() {
        return parts.stream().flatMap(part -> part.tensors().stream()).toList();
    }

    /** The tensor of a name, from whichever part. */
    public Optional<TensorInfo> tensor(String name) {
        return parts.stream().flatMap(part -> part.tensor(name).stream()).findFirst();
    }

    /** The sizes of all files together, in bytes. */
    public long fileSize() {
        return parts.stream().mapToLong(Gguf::fileSize).sum();
    }
}
