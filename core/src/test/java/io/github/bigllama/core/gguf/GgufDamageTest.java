package io.github.bigllama.core.gguf;

import static io.github.bigllama.testing.TestModels.assertRefused;
import static io.github.bigllama.testing.TestModels.small;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufDamageTest {
    @TempDir Path dir;

    private GgufException refused(Problem problem, byte[] bytes, String... parts)
            throws IOException {
        Path file = Files.write(dir.resolve("damaged.gguf"), bytes);
        GgufException e = assertRefused(problem, () -> Gguf.read(file), parts);
        assertThat(e.getMessage()).startsWith(file.toString());
        assertThat(e.file()).isEqualTo(file.toString());
        return e;
    }

    private GgufException refused(Problem problem, RawGguf writer, String... parts)
            throws IOException {
        return refused(problem, writer.bytes(), parts);
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** The bytes with a little-endian number put where the text is, plus a distance. */
    private static byte[] patched(byte[] bytes, String text, int distance, long number, int size) {
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(text) + distance;
        ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        if (size == 4) {
            buffer.putInt(at, (int) number);
        } else {
            buffer.putLong(at, number);
        }
        return bytes;
    }

    @Test
    void whatIsNotAFile() throws IOException {
        assertRefused(
                Problem.NOT_FOUND,
                () -> Gguf.read(dir.resolve("missing.gguf")),
                "missing.gguf",
                "no such file");
        assertRefused(Problem.NOT_A_FILE, () -> Gguf.read(dir), "is a folder", ".gguf");
        Path link = dir.resolve("link.gguf");
        Files.createSymbolicLink(link, dir.resolve("gone"));
        assertRefused(Problem.NOT_FOUND, () -> Gguf.read(link), "symbolic link");
        assertRefused(Problem.NOT_A_FILE, () -> Gguf.read(Path.of("/dev/null")), "device");
    }

    @Test
    void whatIsEmptyOrSomethingElse() throws IOException {
        refused(Problem.TRUNCATED, new byte[0], "is empty (0 bytes)");
        refused(Problem.NOT_GGUF, ascii("GG"), "47 47 (\"GG\")", "47 47 55 46 (\"GGUF\")");
        refused(Problem.NOT_GGUF, ascii("This is no model"), "54 68 69 73 (\"This\")");
        refused(Problem.NOT_GGUF, ascii("tjgg0000"), "older than GGUF");
        refused(Problem.NOT_GGUF, ascii("PK\3\4xxxx"), "50 4b 03 04", "ZIP");
        refused(Problem.NOT_GGUF, ascii("version https://git-lfs"), "git lfs pull");
        refused(Problem.NOT_GGUF, ascii("<!DOCTYPE html>"), "web page");
        refused(Problem.NOT_GGUF, new byte[100], "unfinished download");
    }

    @Test
    void versionsAndByteOrders() throws IOException {
        RawGguf writer = small();
        writer.version = 1;
        refused(Problem.UNSUPPORTED_VERSION, writer, "version 1", "no longer reads");
        writer.version = 4;
        refused(Problem.UNSUPPORTED_VERSION, writer, "version 4", "(at byte 4)", "2 and 3");
        writer.version = 0;
        refused(Problem.UNSUPPORTED_VERSION, writer, "version 0");
        writer.version = Integer.reverseBytes(4);
        refused(Problem.UNSUPPORTED_VERSION, writer, "(at byte 4)");
        // The version is big-endian, what follows is not.
        writer.version = Integer.reverseBytes(3);
        refused(Problem.DAMAGED, writer, "the number of tensors", "at byte 8");
    }

    @Test
    void lengthsBeyondTheFileCostNoMemory() throws IOException {
        byte[] bytes = small().strings("list", List.of("a", "b")).bytes();
        refused(
                Problem.DAMAGED,
                patched(bytes.clone(), "list", 4 + 4 + 4, 4_000_000_000L, 8),
                "number of elements of 'list'",
                "4000000000",
                "at least 8 bytes");
        refused(
                Problem.DAMAGED,
                patched(bytes.clone(), "list", 4 + 4 + 4 + 8, 1L << 40, 8),
                "string 0 of 'list'",
                "1099511627776");
        refused(
                Problem.DAMAGED,
                patched(bytes.clone(), "list", -8, -1, 8),
                "metadata key 2 of 2",
                "18446744073709551615");
        refused(Problem.DAMAGED, patched(bytes.clone(), "GGUF", 8, -1, 8), "number of tensors");
        refused(
                Problem.DAMAGED,
                patched(bytes.clone(), "GGUF", 16, 1L << 33, 8),
                "number of metadata pairs",
                "8589934592");
    }

    @Test
    void keys() throws IOException {
        byte[] twice = small().u32("key1", 1).u32("key2", 2).bytes();
        twice[new String(twice, StandardCharsets.ISO_8859_1).indexOf("key2") + 3] = '1';
        assertThat(refused(Problem.DAMAGED, twice, "'key1' twice").offset()).isPresent();
        refused(Problem.DAMAGED, small().u32("", 1), "key 2 of 2 is empty");
        refused(Problem.DAMAGED, small().u32("a\0b", 1), "contains a NUL character");
        refused(
                Problem.DAMAGED,
                patched(small().u32("typed", 1).bytes(), "typed", 5, 13, 4),
                "the type of 'typed' is 13");
    }

    @Test
    void alignments() throws IOException {
        refused(Problem.DAMAGED, small().u32("general.alignment", 48), "u32 48", "power of two");
        refused(Problem.DAMAGED, small().u32("general.alignment", 0), "u32 0");
        refused(Problem.DAMAGED, small().text("general.alignment", "32"), "str 32");
    }

    @Test
    void tensorNames() throws IOException {
        refused(
                Problem.DAMAGED,
                small().tensor("output_norm.weight", GgmlType.F32, 64L),
                "tensors 1 and 2 are both named 'output_norm.weight'");
        refused(
                Problem.DAMAGED,
                small().tensor("n".repeat(64), GgmlType.F32, 64L),
                "tensor 2 of 2 has 64 bytes");
        refused(
                Problem.DAMAGED,
                small().tensor("a\0b", GgmlType.F32, 1L),
                "contains a NUL " + "character");
    }

    @Test
    void shapes() throws IOException {
        RawGguf writer = small();
        writer.tensors.set(0, new RawGguf.Tensor("t", 0, List.of(-1L), new byte[4]));
        refused(Problem.DAMAGED, writer, "'t'", "negative dimension", "[-1]");
        writer.tensors.set(0, new RawGguf.Tensor("t", 0, List.of(1L << 40, 1L << 40), new byte[4]));
        refused(Problem.DAMAGED, writer, "'t'", "64 bits", "1099511627776");
        writer.tensors.set(0, new RawGguf.Tensor("t", 0, List.of(1L, 1L, 1L, 1L, 1L), new byte[4]));
        refused(Problem.DAMAGED, writer, "'t'", "5 dimensions");
        writer.tensors.set(
                0, new RawGguf.Tensor("t", GgmlType.Q4_K.id(), List.of(64L), new byte[36]));
        refused(Problem.DAMAGED, writer, "'t' of type q4_K", "rows of 64", "multiple of 256");
    }

    @ParameterizedTest
    @CsvSource({
        "4, UNUSABLE, q4_2, 2023",
        "31, UNUSABLE, q4_0_4_4, Q4_0 file",
        "38, UNUSABLE, iq4_nl_8_8, IQ4_NL file",
        "43, DAMAGED, type 43, does not know",
        "-1, DAMAGED, type -1, does not know"
    })
    void types(int id, Problem problem, String part, String other) throws IOException {
        RawGguf writer = small();
        writer.tensors.set(0, new RawGguf.Tensor("t", id, List.of(32L), new byte[128]));
        refused(problem, writer, "'t'", part, other);
    }

    @Test
    void offsets() throws IOException {
        RawGguf two = small().tensor("second", GgmlType.F32, 64L);
        int offset = "second".length() + 4 + 8 + 4;
        refused(
                Problem.DAMAGED,
                patched(two.bytes(), "second", offset, 128, 8),
                "'second' at data offset 128",
                "overlaps",
                "256");
        refused(Problem.DAMAGED, patched(two.bytes(), "second", offset, 320, 8), "gap", "256");
        refused(Problem.DAMAGED, patched(two.bytes(), "second", offset, 257, 8), "not aligned");
        refused(Problem.DAMAGED, patched(two.bytes(), "second", offset, -32, 8), "gap");
    }

    @Test
    void dataCutShort() throws IOException {
        byte[] bytes = small().tensor("second", GgmlType.F32, 64L).bytes();
        refused(
                Problem.TRUNCATED,
                Arrays.copyOf(bytes, bytes.length - 100),
                "cut short by 100 bytes",
                "it has " + (bytes.length - 100),
                "need " + bytes.length,
                "1 of them, from 'second' on",
                "download");
    }

    @Test
    void everyHeaderThatEndsTooEarly() throws IOException {
        byte[] bytes = RawGguf.copyOf(TestModels.DEMO).bytes();
        Path file = dir.resolve("cut.gguf");
        Files.write(file, bytes);
        try (var channel = Files.newByteChannel(file, StandardOpenOption.WRITE)) {
            for (int length = 30_112; length >= 0; length -= 7) {
                channel.truncate(length);
                assertThatExceptionOfType(GgufException.class)
                        .as("%d bytes", length)
                        .isThrownBy(() -> Gguf.read(file))
                        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n"));
            }
        }
    }

    @Test
    void whatComesFromTheFileIsShownShortAndClean() throws IOException {
        String key = "\033[31m" + "x".repeat(300);
        GgufException e =
                refused(
                        Problem.DAMAGED,
                        patched(small().u32(key, 1).bytes(), key, key.length(), 99, 4),
                        "is 99");
        assertThat(e.getMessage()).hasSizeLessThan(300 + dir.toString().length());
        assertThat(e.getMessage().chars()).noneMatch(Character::isISOControl);
    }
}
