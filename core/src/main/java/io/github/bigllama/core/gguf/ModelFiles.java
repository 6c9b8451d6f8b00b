package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.internal.text.Text;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
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
     * Reads the header of a model's file, and if it is the first of several, the headers of all
     * others, which must be beside it.
     *
     * @param path the file, or the first part
     * @throws GgufException if {@link Gguf#read} would throw for any part, a part is missing or
     *     belongs elsewhere, or {@code path} is a part but not the first
     */
    public static ModelFiles read(Path path) {
        Objects.requireNonNull(path, "path");
        return read(new LocalFile(path));
    }

    /**
     * Reads the headers of a model on a web server, and nothing else; the other files of a model in
     * parts must be beside the first.
     *
     * @param sender how to reach the server; it should follow redirects
     * @throws GgufException as {@link #read(Path)}; also if the server does not send parts of files
     */
    public static ModelFiles read(URI address, HttpSender sender) {
        Objects.requireNonNull(address, "address");
        Objects.requireNonNull(sender, "sender");
        return read(new RemoteFile(address, sender));
    }

    private static ModelFiles read(FileLocation location) {
        String path = location.toString();
        Gguf first = Gguf.read(location);
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
                                                String.format(
                                                        Locale.ROOT,
                                                        "is part of a model in %d files but does not say which (no split.no)",
                                                        count)));
        SplitName name =
                SplitName.of(location.fileName(), number, count)
                        .orElseThrow(
                                () ->
                                        split(
                                                path,
                                                String.format(
                                                        Locale.ROOT,
                                                        "is part %d of a model in %d files, whose name has to end in '%s' for the others to be found: rename it back",
                                                        number + 1,
                                                        count,
                                                        SplitName.postfix(number, count))));
        if (number != 0) {
            throw split(
                    path,
                    String.format(
                            Locale.ROOT,
                            "is part %d of a model in %d files: open the first, '%s'%s",
                            number + 1,
                            count,
                            name.part(0),
                            location.sibling(name.part(0)).exists()
                                    ? ""
                                    : ", which is missing here"));
        }
        checkAllThere(location, name);
        List<Gguf> parts = new ArrayList<>(List.of(first));
        for (int i = 1; i < count; i++) {
            parts.add(part(location.sibling(name.part(i)), i));
        }
        var model = new ModelFiles(parts);
        model.checkTensors();
        return model;
    }

    private static void checkAllThere(FileLocation first, SplitName name) {
        List<FileLocation> missing =
                IntStream.range(1, name.count())
                        .mapToObj(i -> first.sibling(name.part(i)))
                        .filter(part -> !part.exists())
                        .toList();
        if (!missing.isEmpty()) {
            throw new GgufException(
                    Problem.SPLIT,
                    missing.getFirst().toString(),
                    String.format(
                            Locale.ROOT,
                            "is missing: '%s' is the first of %d files%s; put %s beside it",
                            first.fileName(),
                            name.count(),
                            missing.size() == 1
                                    ? ""
                                    : String.format(
                                            Locale.ROOT,
                                            ", and %d of the others are missing",
                                            missing.size()),
                            missing.size() == 1 ? "this one" : "them"));
        }
    }

    private static Gguf part(FileLocation location, int number) {
        String path = location.toString();
        Gguf part = Gguf.read(location);
        // llama.cpp asserts the type here (gguf_get_val_u16), and a wrong one ends the process.
        int actual =
                splitKey(part, "split.no")
                        .orElseThrow(
                                () -> split(path, "does not say which part it is (no split.no)"));
        if (actual != number) {
            throw split(
                    path,
                    String.format(
                            Locale.ROOT,
                            "says that it is part %d, but its name says part %d: the files are mixed up; download the model again",
                            actual + 1,
                            number + 1));
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
                gguf.file(),
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
                            part.file(),
                            "holds tensor %s, which '%s' holds too: the files are mixed up; download the model again"
                                    .formatted(Text.quote(tensor.name()), other.fileName()));
                }
            }
        }
        GgufValue count = metadata().find("split.tensors.count").orElse(null);
        if (!(count instanceof GgufValue.Int number
                && number.type() == GgufValueType.INT32
                && number.value() == seen.size())) {
            throw split(
                    parts.getFirst().file(),
                    String.format(
                            Locale.ROOT,
                            "its %d parts hold %d tensors, split.tensors.count is %s: the files are mixed up; download the model again",
                            parts.size(),
                            seen.size(),
                            count == null ? "missing" : Text.shorten(count.toString())));
        }
    }

    private static GgufException split(String path, String message) {
        return new GgufException(Problem.SPLIT, path, message);
    }

    /**
     * Writes files with the same names and sizes that contain only the headers, for llama.cpp to
     * check and measure; they only take room for the headers, where the file system supports holes.
     *
     * @param folder an empty folder
     * @return the first file
     * @throws IOException if they can't be written
     */
    public Path writeHeaders(Path folder) throws IOException {
        Objects.requireNonNull(folder, "folder");
        for (Gguf part : parts) {
            part.writeHeader(folder.resolve(part.fileName()));
        }
        return folder.resolve(first().fileName());
    }

    /** The headers of all files, the first part first; one for a model in one file. */
    public List<Gguf> parts() {
        return parts;
    }

    /** The first part, or the only file. */
    public Gguf first() {
        return parts.getFirst();
    }

    /** The metadata of the first part. */
    public GgufMetadata metadata() {
        return first().metadata();
    }

    /** The tensors of all parts, in their order. */
    public List<TensorInfo> tensors() {
        return parts.stream().flatMap(part -> part.tensors().stream()).toList();
    }

    /** The tensor with a name, from any part. */
    public Optional<TensorInfo> tensor(String name) {
        Objects.requireNonNull(name, "name");
        return parts.stream().flatMap(part -> part.tensor(name).stream()).findFirst();
    }

    /** The total size of all files, in bytes. */
    public long fileSize() {
        return parts.stream().mapToLong(Gguf::fileSize).sum();
    }

    /**
     * Whether models of an architecture have neither logits nor a KV cache in llama.cpp, whatever
     * the header says: they only turn texts into vectors.
     */
    public static boolean isEncoder(String architecture) {
        Objects.requireNonNull(architecture, "architecture");
        return architecture.equals("t5encoder")
                || architecture.equals("gemma-embedding")
                || architecture.endsWith("bert")
                || architecture.contains("-bert-");
    }
}
