package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.internal.text.Text;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The header of one GGUF file: its metadata and its tensor table. Reading it takes milliseconds
 * however large the file is, because tensor data is not read. Immutable; the file is closed when
 * {@link #read} returns.
 *
 * <p>Headers that llama.cpp v0.5.0 refuses are refused here too, with the place and the numbers in
 * the message.
 */
public final class Gguf {
    private static final int DEFAULT_ALIGNMENT = 32;
    private static final int COPY_SIZE = 1 << 16;

    private final FileLocation location;
    private final long fileSize;
    private final ByteOrder byteOrder;
    private final int version;
    private final int alignment;
    private final GgufMetadata metadata;
    private final List<TensorInfo> tensors;
    private final Map<String, TensorInfo> byName;
    private final long headerSize;
    private final long dataOffset;

    private Gguf(
            FileLocation location,
            GgufInput in,
            int version,
            int alignment,
            GgufMetadata metadata,
            List<TensorInfo> tensors,
            long headerSize,
            long dataOffset) {
        this.location = location;
        this.fileSize = in.size();
        this.byteOrder = in.order();
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
     * Reads the header of a file: versions 2 and 3, in either byte order.
     *
     * @throws GgufException if the file is missing, can't be read or is not a GGUF file, or its
     *     header is damaged or describes more data than the file has
     */
    public static Gguf read(Path path) {
        return read(new LocalFile(Objects.requireNonNull(path, "path")));
    }

    /**
     * Reads the header of a file on a web server, and nothing else of it.
     *
     * @param sender how to reach the server; it should follow redirects
     * @throws GgufException as {@link #read(Path)}; also if the server does not send parts of files
     */
    public static Gguf read(URI address, HttpSender sender) {
        Objects.requireNonNull(address, "address");
        Objects.requireNonNull(sender, "sender");
        return read(new RemoteFile(address, sender));
    }

    static Gguf read(FileLocation location) {
        try (FileLocation.Bytes bytes = location.open()) {
            return parse(location, new GgufInput(location.toString(), bytes));
        } catch (IOException e) {
            throw new GgufException(
                    Problem.UNREADABLE,
                    location.toString(),
                    -1,
                    "cannot be read: " + GgufInput.reason(e),
                    e);
        }
    }

    private static Gguf parse(FileLocation location, GgufInput in) {
        String file = location.toString();
        int version = FileStart.readVersion(file, in);
        long at = in.position();
        long tensorCount = in.length("the number of tensors", TensorTableParser.MIN_ROW);
        long pairCount = in.length("the number of metadata pairs", MetadataParser.MIN_PAIR);
        if (tensorCount > TensorTableParser.MAX_TENSORS || pairCount > MetadataParser.MAX_PAIRS) {
            throw new GgufException(
                    Problem.DAMAGED,
                    file,
                    at,
                    String.format(
                            Locale.ROOT,
                            "claims to have %d tensors and %d metadata pairs (at byte %d), more than any model has; it is damaged: copy or download it again",
                            tensorCount,
                            pairCount,
                            at));
        }
        var metadata = new GgufMetadata(file, new MetadataParser(file, in).read(pairCount));
        int alignment = alignment(file, metadata);
        List<TensorInfo> tensors = new TensorTableParser(file, in, alignment).read(tensorCount);
        long end = in.position();
        // As in gguf.cpp, a file without tensors has no padding.
        long dataOffset = tensors.isEmpty() ? end : end + (alignment - 1L) & -(long) alignment;
        var gguf = new Gguf(location, in, version, alignment, metadata, tensors, end, dataOffset);
        gguf.checkDataIsThere();
        return gguf;
    }

    private static int alignment(String file, GgufMetadata metadata) {
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
                file,
                "general.alignment is %s %s, expected a power of two of type u32"
                        .formatted(value.type().label(), Text.shorten(value.toString())));
    }

    private void checkDataIsThere() {
        String file = location.toString();
        if (dataOffset > fileSize) {
            throw new GgufException(
                    Problem.TRUNCATED,
                    file,
                    fileSize,
                    String.format(
                            Locale.ROOT,
                            "ends at byte %d, before its tensor data at byte %d; copy or download it again",
                            fileSize,
                            dataOffset));
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
                    file,
                    fileSize,
                    String.format(
                            Locale.ROOT,
                            "is cut short by %d bytes: it has %d, its %d tensors need %s; %d of them, from %s on, are incomplete; copy or download it again",
                            needed - available,
                            fileSize,
                            tensors.size(),
                            Long.toUnsignedString(dataOffset + needed),
                            cut,
                            Text.quote(firstCut.name())));
        }
    }

    /**
     * Writes a file of the same size with this header and zeros for data, as a hole where the file
     * system supports that. llama.cpp can check and measure the model with it.
     *
     * @param path a file that does not exist
     * @throws IOException if it can't be written, or the header can't be read again from the model
     */
    void writeHeader(Path path) throws IOException {
        try (FileLocation.Bytes bytes = location.open();
                FileChannel out =
                        FileChannel.open(
                                path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            ByteBuffer buffer = ByteBuffer.allocate(COPY_SIZE);
            for (long at = 0; at < dataOffset; at += buffer.limit()) {
                buffer.clear().limit((int) Math.min(COPY_SIZE, dataOffset - at));
                int count = bytes.read(buffer, at);
                if (count <= 0) {
                    throw new IOException(location + " has become shorter");
                }
                buffer.flip();
                while (buffer.hasRemaining()) {
                    out.write(buffer);
                }
            }
            if (fileSize > out.size()) {
                out.write(ByteBuffer.allocate(1), fileSize - 1);
            }
        }
    }

    /** The path or the address that the header was read from. */
    public String file() {
        return location.toString();
    }

    /** The path that the header was read from; empty for a file on a web server. */
    public Optional<Path> path() {
        return location instanceof LocalFile local ? Optional.of(local.path()) : Optional.empty();
    }

    /** The name of the file, without folders. */
    public String fileName() {
        return location.fileName();
    }

    /** The byte order of the file; llama.cpp reads only files in the byte order of the machine. */
    public ByteOrder byteOrder() {
        return byteOrder;
    }

    /** The size of the file in bytes when it was read. */
    public long fileSize() {
        return fileSize;
    }

    /** The version of the format: 2 or 3. */
    public int version() {
        return version;
    }

    /** The alignment of every tensor's offset, in bytes: a power of two, usually 32. */
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

    /** The tensor with a name. */
    public Optional<TensorInfo> tensor(String name) {
        return Optional.ofNullable(byName.get(Objects.requireNonNull(name, "name")));
    }

    /** The size of the header in bytes, without the padding before the data section. */
    public long headerSize() {
        return headerSize;
    }

    /** Where the data section starts, in bytes from the start of the file. */
    public long dataOffset() {
        return dataOffset;
    }

    /**
     * The architecture, for example {@code llama}: the prefix of the keys with the model's sizes.
     * Empty for files that are not the first part of a language model.
     *
     * @throws GgufException if the key is present but is not a string
     */
    public Optional<String> architecture() {
        return metadata.string("general.architecture");
    }

    /** The path, version and counts. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "%s (GGUF v%d, %d metadata pairs, %d tensors, %d bytes)",
                location,
                version,
                metadata.asMap().size(),
                tensors.size(),
                fileSize);
    }
}
