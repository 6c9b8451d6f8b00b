package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.internal.text.Text;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The measurements of llama-imatrix: for each column of a matrix, the mean square of the
 * activations that it is multiplied with. Quantization is more exact for weights in columns with
 * large values.
 *
 * <p>The values are in native memory, because they take gigabytes for a model with many experts.
 *
 * @param file the file that the values were read from
 * @param values 32-bit floats by the name of the matrix, one per column and expert; none is
 *     negative or infinite
 * @param datasets names of the texts that were used
 * @param chunks number of chunks of text that were used; 0 if the file does not say
 */
public record ImportanceMatrix(
        Path file, Map<String, MemorySegment> values, List<String> datasets, long chunks) {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final String SUMS = ".in_sum2";
    private static final String COUNTS = ".counts";

    /** Far above the square of any activation. */
    private static final float MOST = 1e15f;

    /** The most bytes of one tensor in the file. */
    private static final long MAX_BYTES = Integer.MAX_VALUE;

    public ImportanceMatrix {
        values = Map.copyOf(values);
        datasets = List.copyOf(datasets);
    }

    /**
     * Reads a file in either format: GGUF, or the older one of llama-imatrix (.dat).
     *
     * @param arena owns the values
     * @throws GgufException if the file is missing, is damaged, or is not an importance matrix
     */
    public static ImportanceMatrix read(Path file, Arena arena) {
        Gguf gguf;
        try {
            gguf = Gguf.read(file);
        } catch (GgufException e) {
            if (e.problem() != Problem.NOT_GGUF) {
                throw e;
            }
            return LegacyImportanceMatrix.read(file, arena);
        }
        long chunks = number(gguf, "imatrix.chunk_count");
        number(gguf, "imatrix.chunk_size");
        GgufArray datasets = gguf.metadata().array("imatrix.datasets").orElse(null);
        if (datasets == null || datasets.elementType() != GgufValueType.STRING) {
            throw none(file, "it has no imatrix.datasets");
        }
        Map<String, MemorySegment> values = new TreeMap<>();
        try (FileChannel channel = FileChannel.open(file)) {
            for (TensorInfo sums : gguf.tensors()) {
                if (sums.name().endsWith(SUMS)) {
                    String name = withoutSuffix(sums.name(), SUMS);
                    TensorInfo counts =
                            gguf.tensor(name + COUNTS)
                                    .orElseThrow(
                                            () -> none(file, Text.quote(name) + " has no counts"));
                    values.put(name, means(gguf, channel, name, sums, counts, arena));
                } else if (sums.name().endsWith(COUNTS)
                        && gguf.tensor(withoutSuffix(sums.name(), COUNTS) + SUMS).isEmpty()) {
                    throw none(file, Text.quote(sums.name()) + " has no sums");
                }
            }
        } catch (IOException e) {
            throw unreadable(file, e);
        }
        if (values.isEmpty()) {
            throw none(file, "it has no tensors that end in " + SUMS);
        }
        return new ImportanceMatrix(file, values, datasets.strings(), chunks);
    }

    private static String withoutSuffix(String name, String suffix) {
        return name.substring(0, name.length() - suffix.length());
    }

    private static long number(Gguf gguf, String key) {
        if (gguf.metadata().find(key).orElse(null) instanceof GgufValue.Int number
                && number.type() == GgufValueType.UINT32) {
            return number.value();
        }
        throw none(gguf.path().orElseThrow(), "it has no number " + key);
    }

    /** The sums divided by the counts; there is one count per expert. */
    private static MemorySegment means(
            Gguf gguf,
            FileChannel channel,
            String name,
            TensorInfo sums,
            TensorInfo counts,
            Arena arena)
            throws IOException {
        if (sums.type() != GgmlType.F32 || counts.type() != GgmlType.F32) {
            throw none(gguf.path().orElseThrow(), Text.quote(name) + " is not f32");
        }
        long experts = counts.elements();
        if (experts == 0 || sums.elements() == 0 || sums.elements() % experts != 0) {
            throw none(
                    gguf.path().orElseThrow(),
                    String.format(
                            Locale.ROOT,
                            "%s has %d sums for %d counts",
                            Text.quote(name),
                            sums.elements(),
                            experts));
        }
        MemorySegment values = read(gguf, channel, sums, arena);
        long columns = sums.elements() / experts;
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment count = read(gguf, channel, counts, temporary);
            for (long expert = 0; expert < experts; expert++) {
                float divisor = Math.round(count.getAtIndex(FLOAT, expert));
                for (long i = expert * columns; i < (expert + 1) * columns; i++) {
                    // As in llama-quantize, all columns of an expert that was never used count the
                    // same.
                    values.setAtIndex(
                            ValueLayout.JAVA_FLOAT,
                            i,
                            divisor > 0 ? values.getAtIndex(FLOAT, i) / divisor : 1);
                }
            }
        }
        return checked(gguf.path().orElseThrow(), name, values);
    }

    private static MemorySegment read(
            Gguf gguf, FileChannel channel, TensorInfo tensor, Arena arena) throws IOException {
        if (tensor.size() > MAX_BYTES) {
            throw none(
                    gguf.path().orElseThrow(),
                    Text.quote(tensor.name()) + " has " + tensor.size() + " bytes");
        }
        MemorySegment bytes = arena.allocate(tensor.size(), Float.BYTES);
        readFully(channel, bytes.asByteBuffer(), gguf.dataOffset() + tensor.offset());
        return bytes;
    }

    static void readFully(FileChannel channel, ByteBuffer bytes, long from) throws IOException {
        while (bytes.hasRemaining()) {
            if (channel.read(bytes, from + bytes.position()) < 0) {
                throw new IOException("the file became shorter while it was read");
            }
        }
    }

    /** Checks the range: the kernels for few bits abort when a product with a value overflows. */
    static MemorySegment checked(Path file, String name, MemorySegment values) {
        for (long i = 0; i < values.byteSize() / Float.BYTES; i++) {
            float value = values.getAtIndex(ValueLayout.JAVA_FLOAT, i);
            if (!(value >= 0 && value <= MOST)) {
                throw none(
                        file,
                        String.format(
                                Locale.ROOT,
                                "value %d of %s is %s, must be 0 to %s",
                                i,
                                Text.quote(name),
                                value,
                                MOST));
            }
        }
        return values;
    }

    static GgufException none(Path file, String reason) {
        return new GgufException(
                Problem.UNUSABLE,
                file.toString(),
                "is not an importance matrix of llama-imatrix: " + reason);
    }

    static GgufException unreadable(Path file, IOException e) {
        return new GgufException(
                Problem.UNREADABLE,
                file.toString(),
                -1,
                "cannot be read: " + (e.getMessage() == null ? e : e.getMessage()),
                e);
    }
}
