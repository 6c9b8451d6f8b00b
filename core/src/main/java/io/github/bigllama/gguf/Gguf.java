package io.github.bigllama.gguf;

import io.github.bigllama.gguf.GgufException.Problem;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The header of one GGUF file: its metadata and its tensor table. Reading it takes milliseconds
 * however large the file is, because the tensor data is never read; immutable, and the file is
 * closed when {@link #read} returns.
 *
 * <p>What llama.cpp v0.5.0 refuses in a header is refused here too, with the place and the numbers.
 */
public final class Gguf {
    private static final int DEFAULT_ALIGNMENT = 32;

    private final Path path;
    private final long fileSize;
    private final int version;
    private final int alignment;
    private final GgufMetadata metadata;
    private final List<TensorInfo> tensors;
    private final Map<String, TensorInfo> byName;
    private final long headerSize;
    private final long dataOffset;

    private Gguf(
            Path path,
            long fileSize,
            int version,
            int alignment,
            GgufMetadata metadata,
            List<TensorInfo> tensors,
            long headerSize,
            long dataOffset) {
        this.path = path;
        this.fileSize = fileSize;
        this.version = version;
        this.alignment = alignment;
        this.metadata = metadata;
        this.tensors = List.copyOf(tensors);
        this.byName = HashMap.newHashMap(tensors.size());
        tensors.forEach(t -> byName.put(t.name(), t));
        this.headerSize = headerSize;
        this.dataOffset = dataOffset;
    }

    /**
     * Reads the header of a file. Versions 2 and 3, little-endian.
     *
     * @throws GgufException if the file is not there, cannot be read, is not a GGUF file, or its
     *     header is damaged or names more data than the file has
     */
    public static Gguf read(Path path) {
        checkIsFile(path);
        try (FileChannel channel = FileChannel.open(path)) {
            return parse(path, new GgufInput(path, channel, channel.size()));
        } catch (NoSuchFileException e) {
            throw notFound(path);
        } catch (AccessDeniedException e) {
            throw new GgufException(
                    Problem.UNREADABLE, path, -1, "no permission to read it: check its rights", e);
        } catch (IOException e) {
            throw new GgufException(
                    Problem.UNREADABLE, path, -1, "cannot be opened: " + GgufInput.reason(e), e);
        }
    }

    private static void checkIsFile(Path path) {
        if (Files.isDirectory(path)) {
            throw new GgufException(
                    Problem.NOT_A_FILE, path, "is a directory: name the .gguf file in it");
        }
        if (!Files.exists(path)) {
            throw notFound(path);
        }
        if (!Files.isRegularFile(path)) {
            // opening a pipe would wait for ever, and llama.cpp maps and seeks
            throw new GgufException(
                    Problem.NOT_A_FILE,
                    path,
                    "is a pipe or a device: llama.cpp needs a regular file");
        }
    }

    private static GgufException notFound(Path path) {
        return Files.isSymbolicLink(path)
                ? new GgufException(
                        Problem.NOT_FOUND, path, "is a symbolic link to a file that is not there")
                : new GgufException(Problem.NOT_FOUND, path, "no such file: check the path");
    }

    private static Gguf parse(Path path, GgufInput in) {
        int version = FileStart.readVersion(path, in);
        long at = in.position();
        long tensorCount = in.length("the number of tensors", TensorTableParser.MIN_ROW);
        long pairCount = in.length("the number of metadata pairs", MetadataParser.MIN_PAIR);
        if (tensorCount > TensorTableParser.MAX_TENSORS || pairCount > MetadataParser.MAX_PAIRS) {
            throw new GgufException(
                    Problem.DAMAGED,
                    path,
                    at,
                    "names %d tensors and %d metadata pairs (at byte %d), more than any model: it is damaged"
                            .formatted(tensorCount, pairCount, at));
        }
        var metadata = new GgufMetadata(path, new MetadataParser(path, in).read(pairCount));
        int alignment = alignment(path, metadata);
        List<TensorInfo> tensors = new TensorTableParser(path, in, alignment).read(tensorCount);
        long end = in.position();
        // gguf.cpp: no tensors, no padding
        long dataOffset = tensors.isEmpty() ? end : end + (alignment - 1L) & -(long) alignment;
        var gguf =
                new Gguf(path, in.size(), version, alignment, metadata, tensors, end, dataOffset);
        gguf.checkDataIsThere();
        return gguf;
    }

    private static int alignment(Path path, GgufMetadata metadata) {
        GgufValue value = metadata.find("general.alignment").orElse(null);
        if (value == null) {
            return DEFAULT_ALIGNMENT;
        }
        if (value instanceof GgufValue.Int number
                && number.type() == GgufValueType.UINT32
                && Long.bitCount(number.value()) == 1
                && number.value() <= 1 << 30) {
            return (int) number.value();
        }
        throw new GgufException(
                Problem.DAMAGED,
                path,
                "general.alignment is %s %s, expected a power of two of type u32"
                        .formatted(value.type().label(), Text.shorten(value.toString())));
    }

    private void checkDataIsThere() {
        if (dataOffset > fileSize) {
            throw new GgufException(
                    Problem.TRUNCATED,
                    path,
                    fileSize,
                    "ends at byte %d, before its tensor data at byte %d; copy or download it again"
                            .formatted(fileSize, dataOffset));
        }
        long available = fileSize - dataOffset;
        TensorInfo firstCut = null;
        int cut = 0;
        long needed = 0;
        for (TensorInfo tensor : tensors) {
            needed = Math.max(needed, tensor.offset() + tensor.size());
            if (tensor.offset() + tensor.size() > available) {
                firstCut = firstCut == null ? tensor : firstCut;
                cut++;
            }
        }
        if (firstCut != null) {
            throw new GgufException(
                    Problem.TRUNCATED,
                    path,
                    fileSize,
                    "is cut short by %d bytes: it has %d, its %d tensors need %s; %d of them, from %s on, are not whole; copy or download it again"
                            .formatted(
                                    needed - available,
                                    fileSize,
                                    tensors.size(),
                                    Long.toUnsignedString(dataOffset + needed),
                                    cut,
                                    Text.quote(firstCut.name())));
        }
    }

    /** The path this was read from. */
    public Path path() {
        return path;
    }

    /** The size of the file in bytes when it was read. */
    public long fileSize() {
        return fileSize;
    }

    /** The version of the format: 2 or 3. */
    public int version() {
        return version;
    }

    /** What every tensor's offset is a multiple of, in bytes: a power of two, usually 32. */
    public int alignment() {
        return alignment;
    }

    /** The key-value pairs. */
    public GgufMetadata metadata() {
        return metadata;
    }

    /** The tensor table, in the order of the file, which is the order of the data. */
    public List<TensorInfo> tensors() {
        return tensors;
    }

    /** The tensor of a name. */
    public Optional<TensorInfo> tensor(String name) {
        return Optional.ofNullable(byName.get(name));
    }

    /** The size of the header in bytes, without the padding in front of the data section. */
    public long headerSize() {
        return headerSize;
    }

    /** Where the data section starts: bytes from the start of the file. */
    public long dataOffset() {
        return dataOffset;
    }

    /**
     * The architecture, for example {@code llama}: the prefix of the keys with the model's sizes.
     * Empty for files that are not the first part of a language model.
     *
     * @throws GgufException if it is there and not a string
     */
    public Optional<String> architecture() {
        return metadata.string("general.architecture");
    }

    /** The path, version and counts. */
    @Override
    public String toString() {
        return "%s (GGUF v%d, %d metadata pairs, %d tensors, %d bytes)"
                .formatted(path, version, metadata.asMap().size(), tensors.size(), fileSize);
    }
}
