package io.github.bigllama.core.quantize;

import io.github.bigllama.internal.text.Text;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The format of importance matrices before GGUF (imatrix.dat), as common_imatrix_load_legacy in
 * llama.cpp reads it: no magic, just counts, names and floats in a row.
 */
final class LegacyImportanceMatrix {
    /** More matrices than any model has: a file that claims more is not an importance matrix. */
    private static final int MAX_ENTRIES = 1 << 20;

    private static final int MAX_NAME = 1 << 10;

    private final Path file;
    private final FileChannel channel;
    private final Arena arena;
    private long position;

    private LegacyImportanceMatrix(Path file, FileChannel channel, Arena arena) {
        this.file = file;
        this.channel = channel;
        this.arena = arena;
    }

    static ImportanceMatrix read(Path file, Arena arena) {
        try (FileChannel channel = FileChannel.open(file)) {
            return new LegacyImportanceMatrix(file, channel, arena).read();
        } catch (IOException e) {
            throw ImportanceMatrix.unreadable(file, e);
        }
    }

    private ImportanceMatrix read() throws IOException {
        Map<String, MemorySegment> values = new TreeMap<>();
        int entries = length("the number of matrices", 1, MAX_ENTRIES);
        for (int i = 0; i < entries; i++) {
            String name = text(length("the length of a name", 1, MAX_NAME));
            int calls = number("the number of calls");
            values.put(name, means(name, calls));
        }
        long chunks = left() >= Integer.BYTES ? number("the number of chunks") : 0;
        int length = left() >= Integer.BYTES ? number("the length of the data set's name") : 0;
        List<String> datasets =
                length > 0 && length <= Math.min(left(), MAX_NAME)
                        ? List.of(text(length))
                        : List.of();
        return new ImportanceMatrix(file, values, datasets, Math.max(0, chunks));
    }

    /** The file stores means multiplied by the number of calls. */
    private MemorySegment means(String name, int calls) throws IOException {
        int count = length("the number of values", 1, Integer.MAX_VALUE / Float.BYTES);
        if (count > left() / Float.BYTES) {
            throw ImportanceMatrix.none(
                    file,
                    String.format(
                            Locale.ROOT,
                            "%s has %d values, more than the file",
                            Text.quote(name),
                            count));
        }
        MemorySegment values = arena.allocate((long) count * Float.BYTES, Float.BYTES);
        ByteBuffer bytes = values.asByteBuffer().order(ByteOrder.LITTLE_ENDIAN);
        ImportanceMatrix.readFully(channel, bytes, position);
        position += values.byteSize();
        for (int i = 0; i < count; i++) {
            float value = bytes.getFloat(i * Float.BYTES);
            values.setAtIndex(ValueLayout.JAVA_FLOAT, i, calls > 0 ? value / calls : value);
        }
        return ImportanceMatrix.checked(file, name, values);
    }

    private int length(String what, int least, int most) throws IOException {
        int value = number(what);
        if (value < least || value > most) {
            throw ImportanceMatrix.none(
                    file,
                    String.format(
                            Locale.ROOT,
                            "it is not a GGUF file, and in the older format %s (at byte %d) would be %d",
                            what,
                            position - Integer.BYTES,
                            value));
        }
        return value;
    }

    private int number(String what) throws IOException {
        return bytes(Integer.BYTES, what).getInt(0);
    }

    private String text(int length) throws IOException {
        byte[] text = bytes(length, "a name").array();
        int end = 0;
        while (end < length && text[end] != 0) {
            end++;
        }
        return new String(text, 0, end, StandardCharsets.UTF_8);
    }

    private ByteBuffer bytes(int count, String what) throws IOException {
        if (left() < count) {
            throw ImportanceMatrix.none(
                    file,
                    String.format(
                            Locale.ROOT,
                            "it is not a GGUF file, and in the older format it ends before %s at byte %d",
                            what,
                            position));
        }
        ByteBuffer bytes = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        ImportanceMatrix.readFully(channel, bytes, position);
        position += count;
        return bytes;
    }

    private long left() throws IOException {
        return channel.size() - position;
    }
}
