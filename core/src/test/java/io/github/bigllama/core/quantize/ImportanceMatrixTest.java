package io.github.bigllama.core.quantize;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ImportanceMatrixTest {
    private static final String NAME = "blk.0.attn_k.weight";

    @TempDir Path folder;

    private final Arena arena = Arena.ofAuto();

    private Path file() {
        return folder.resolve("imatrix");
    }

    private static RawGguf raw(float[] counts, float... sums) {
        RawGguf raw =
                new RawGguf()
                        .text("general.type", "imatrix")
                        .strings("imatrix.datasets", List.of("wiki.txt", "more.txt"))
                        .u32("imatrix.chunk_count", 13)
                        .u32("imatrix.chunk_size", 512);
        long columns = sums.length / Math.max(1, counts.length);
        add(raw, NAME + ".in_sum2", sums, columns, counts.length);
        add(raw, NAME + ".counts", counts, 1, counts.length);
        return raw;
    }

    private static void add(RawGguf raw, String name, float[] values, long columns, long rows) {
        raw.tensors.add(
                new RawGguf.Tensor(name, GgmlType.F32.id(), List.of(columns, rows), bytes(values)));
    }

    private static byte[] bytes(float... values) {
        ByteBuffer bytes =
                ByteBuffer.allocate(values.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            bytes.putFloat(value);
        }
        return bytes.array();
    }

    private static byte[] legacy(int calls, float... values) {
        byte[] name = NAME.getBytes(StandardCharsets.US_ASCII);
        byte[] dataset = "wiki.txt".getBytes(StandardCharsets.US_ASCII);
        return ByteBuffer.allocate(16 + name.length + 4 * values.length + 8 + dataset.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putInt(1)
                .putInt(name.length)
                .put(name)
                .putInt(calls)
                .putInt(values.length)
                .put(bytes(values))
                .putInt(11)
                .putInt(dataset.length)
                .put(dataset)
                .array();
    }

    private float[] read() {
        ImportanceMatrix matrix = ImportanceMatrix.read(file(), arena);
        assertThat(matrix.values()).containsOnlyKeys(NAME);
        return matrix.values().get(NAME).toArray(ValueLayout.JAVA_FLOAT);
    }

    private void assertRefused(String... parts) {
        TestModels.assertRefused(
                Problem.UNUSABLE,
                () -> ImportanceMatrix.read(file(), arena),
                Arrays.copyOf(parts, parts.length));
    }

    @Test
    void sumsAreDividedByTheCountsOfTheirExperts() throws IOException {
        raw(new float[] {4, 0}, 8, 2, 7, 9).write(file());
        assertThat(read()).containsExactly(2, .5f, 1, 1);
        ImportanceMatrix matrix = ImportanceMatrix.read(file(), arena);
        assertThat(matrix.datasets()).containsExactly("wiki.txt", "more.txt");
        assertThat(matrix.chunks()).isEqualTo(13);
    }

    @Test
    void theOlderFormatIsReadToo() throws IOException {
        Files.write(file(), legacy(4, 8, 2));
        assertThat(read()).containsExactly(2, .5f);
        ImportanceMatrix matrix = ImportanceMatrix.read(file(), arena);
        assertThat(matrix.datasets()).containsExactly("wiki.txt");
        assertThat(matrix.chunks()).isEqualTo(11);
    }

    @Test
    void whatIsNoneIsRefused() throws IOException {
        TestModels.small().write(file());
        assertRefused("not an importance matrix", "imatrix.chunk_count");
        RawGguf alone = raw(new float[] {1}, 1, 2);
        alone.tensors.removeLast();
        alone.write(file());
        assertRefused("has no counts", NAME);
        raw(new float[] {1}, Float.NaN, 2).write(file());
        assertRefused("value 0", "NaN");
        raw(new float[] {1}, 1, -2).write(file());
        assertRefused("value 1", "-2.0");
        raw(new float[] {1}, 1, 1e30f).write(file());
        assertRefused("value 1", "1.0E30");
        Files.writeString(file(), "This is just text, and no numbers.");
        assertRefused("not a GGUF file", "the number of matrices");
    }

    @Test
    void aFileOfTheOlderFormatMayEndAnywhere() throws IOException {
        byte[] whole = legacy(4, 8, 2, 3);
        int needed = whole.length - 16;
        for (int length = 1; length < needed; length++) {
            Files.write(file(), Arrays.copyOf(whole, length));
            assertRefused("is not an importance matrix");
        }
        Files.write(file(), Arrays.copyOf(whole, needed));
        assertThat(ImportanceMatrix.read(file(), arena).datasets()).isEmpty();
    }
}
