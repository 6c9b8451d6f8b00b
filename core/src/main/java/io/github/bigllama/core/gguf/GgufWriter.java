package io.github.bigllama.core.gguf;

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.DoublePredicate;
import org.jspecify.annotations.Nullable;

/**
 * Writes a GGUF file of version 3. Tensors are written one after the other from their sources, so
 * that a file may be larger than memory. An incomplete file never has the name of the target. Not
 * thread-safe.
 */
public final class GgufWriter {
    private static final int VERSION = 3;
    private static final int ALIGNMENT = 32;
    private static final int BUFFER = 4 << 20;

    private final Map<String, GgufValue> metadata = new LinkedHashMap<>();
    private final List<TensorInfo> tensors = new ArrayList<>();

    /** Null for a hole. */
    private final List<@Nullable Source> sources = new ArrayList<>();

    private long dataSize;

    /** Creates a writer without pairs and tensors. */
    public GgufWriter() {}

    /** The source of a tensor's bytes. */
    @FunctionalInterface
    public interface Source {
        /**
         * Writes all bytes of the tensor.
         *
         * @throws IOException if they can't be read or written
         */
        void write(TensorInfo tensor, OutputStream out) throws IOException;
    }

    /** Sets a key-value pair. */
    public GgufWriter put(String key, GgufValue value) {
        metadata.put(key, value);
        return this;
    }

    /**
     * Adds a tensor after those added before.
     *
     * @param shape its dimensions as in {@link TensorInfo#shape}
     * @param source its bytes
     */
    public void add(String name, GgmlType type, List<Long> shape, Source source) {
        addTensor(name, type, shape, Objects.requireNonNull(source, "source"));
    }

    /**
     * Adds a tensor that is a hole in the file, which reads as zeros and takes no space.
     *
     * @param shape its dimensions as in {@link TensorInfo#shape}
     */
    public void addHole(String name, GgmlType type, List<Long> shape) {
        addTensor(name, type, shape, null);
    }

    private void addTensor(String name, GgmlType type, List<Long> shape, @Nullable Source source) {
        long elements = shape.stream().reduce(1L, Math::multiplyExact);
        if (shape.getFirst() % type.blockSize() != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "a row of %s has %d elements, must be a multiple of %d for %s",
                            name,
                            shape.getFirst(),
                            type.blockSize(),
                            type.label()));
        }
        long size = elements / type.blockSize() * type.typeSize();
        tensors.add(new TensorInfo(name, type, shape, dataSize, size));
        sources.add(source);
        dataSize += padded(size);
    }

    /** Bytes of data so far, holes included. */
    public long dataSize() {
        return dataSize;
    }

    /**
     * Writes the file, replacing an existing one.
     *
     * @param progress is given the fraction that is written, 0 to 1; returns false to cancel
     * @throws IOException if it can't be written, or the disk has too little room; then nothing is
     *     left behind
     * @throws CancellationException if it was cancelled
     */
    public void write(Path target, DoublePredicate progress) throws IOException {
        Path part = target.resolveSibling(target.getFileName() + ".part");
        requireRoom(target);
        try {
            writeTo(part, progress);
            Files.move(part, target, StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(part);
        }
    }

    private void requireRoom(Path target) throws IOException {
        long needed = 0;
        for (int i = 0; i < tensors.size(); i++) {
            needed += sources.get(i) == null ? 0 : tensors.get(i).size();
        }
        Path directory = target.toAbsolutePath().getParent();
        if (!Files.isDirectory(directory)) {
            throw new IOException("there is no folder " + directory);
        }
        FileStore disk = Files.getFileStore(directory);
        if (disk.getUsableSpace() < needed) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "%s needs %.3f GB, and its disk has %.3f GB free",
                            target,
                            needed / 1e9,
                            disk.getUsableSpace() / 1e9));
        }
    }

    private void writeTo(Path path, DoublePredicate progress) throws IOException {
        try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw");
                BufferedOutputStream out =
                        new BufferedOutputStream(new FileOutputStream(file.getFD()), BUFFER)) {
            file.setLength(0);
            DataOutputStream header = new DataOutputStream(out);
            writeHeader(header);
            header.flush();
            long start = file.getFilePointer();
            for (int i = 0; i < tensors.size(); i++) {
                TensorInfo tensor = tensors.get(i);
                if (!progress.test((double) tensor.offset() / Math.max(1, dataSize))) {
                    throw new CancellationException("writing " + path + " was cancelled");
                }
                if (sources.get(i) != null) {
                    file.seek(start + tensor.offset());
                    sources.get(i).write(tensor, out);
                    out.flush();
                    requireSize(tensor, file.getFilePointer() - start - tensor.offset());
                }
            }
            file.setLength(start + dataSize);
        }
    }

    private static void requireSize(TensorInfo tensor, long written) {
        if (written != tensor.size()) {
            throw new IllegalStateException(
                    String.format(
                            Locale.ROOT,
                            "the source of %s wrote %d bytes, not %d",
                            tensor.name(),
                            written,
                            tensor.size()));
        }
    }

    private void writeHeader(DataOutputStream out) throws IOException {
        out.write("GGUF".getBytes(StandardCharsets.US_ASCII));
        int32(out, VERSION);
        int64(out, tensors.size());
        int64(out, metadata.size());
        for (Map.Entry<String, GgufValue> entry : metadata.entrySet()) {
            text(out, entry.getKey());
            int32(out, entry.getValue().type().id());
            value(out, entry.getValue());
        }
        for (TensorInfo tensor : tensors) {
            text(out, tensor.name());
            int32(out, tensor.shape().size());
            for (long extent : tensor.shape()) {
                int64(out, extent);
            }
            int32(out, tensor.type().id());
            int64(out, tensor.offset());
        }
        out.write(new byte[-out.size() & (ALIGNMENT - 1)]);
    }

    private static long padded(long size) {
        return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    private static void value(DataOutputStream out, GgufValue value) throws IOException {
        switch (value) {
            case GgufValue.Text text -> text(out, text.value());
            case GgufValue.Bool bool -> out.writeByte(bool.value() ? 1 : 0);
            case GgufValue.Int number -> number(out, number.type().size(), number.value());
            case GgufValue.Real number -> real(out, number.type(), number.value());
            case GgufValue.Array array -> array(out, array.value());
        }
    }

    private static void array(DataOutputStream out, GgufArray array) throws IOException {
        GgufValueType type = array.elementType();
        int32(out, type.id());
        int64(out, array.size());
        for (int i = 0; i < array.size(); i++) {
            switch (type) {
                case STRING -> {
                    int64(out, array.bytes(i).length);
                    out.write(array.bytes(i));
                }
                case BOOL -> out.writeByte(array.bool(i) ? 1 : 0);
                case FLOAT32, FLOAT64 -> real(out, type, array.real(i));
                case ARRAY -> array(out, array.array(i));
                default -> number(out, type.size(), array.integer(i));
            }
        }
    }

    private static void real(DataOutputStream out, GgufValueType type, double value)
            throws IOException {
        if (type == GgufValueType.FLOAT32) {
            int32(out, Float.floatToRawIntBits((float) value));
        } else {
            int64(out, Double.doubleToRawLongBits(value));
        }
    }

    private static void text(DataOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int64(out, bytes.length);
        out.write(bytes);
    }

    private static void int32(DataOutputStream out, int value) throws IOException {
        out.writeInt(Integer.reverseBytes(value));
    }

    private static void int64(DataOutputStream out, long value) throws IOException {
        out.writeLong(Long.reverseBytes(value));
    }

    private static void number(DataOutputStream out, int size, long value) throws IOException {
        for (int i = 0; i < size; i++) {
            out.writeByte((int) (value >> (8 * i)));
        }
    }
}
