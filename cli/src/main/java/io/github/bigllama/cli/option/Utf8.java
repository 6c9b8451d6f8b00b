package io.github.bigllama.cli.option;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Text that a user wrote with whatever editor: UTF-8, with or without a byte order mark. */
public final class Utf8 {
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private Utf8() {}

    /**
     * Reads a file.
     *
     * @throws IOException if it can't be read, or is not UTF-8; it says where
     */
    static String read(Path file) throws IOException {
        return decode(Files.readAllBytes(file));
    }

    /**
     * Refuses what is not UTF-8: the model would see other characters than the user.
     *
     * @throws IOException that names the first byte that is not, or the encoding where it is known
     */
    static String decode(byte[] bytes) throws IOException {
        if (isUtf16(bytes)) {
            throw new IOException(
                    "it is UTF-16, and must be UTF-8; convert it with: iconv -f UTF-16 -t UTF-8");
        }
        ByteBuffer input = ByteBuffer.wrap(bytes);
        try {
            return withoutMark(StandardCharsets.UTF_8.newDecoder().decode(input).toString());
        } catch (CharacterCodingException e) {
            throw new IOException(
                    "it is not UTF-8 text (byte %d of %d)"
                            .formatted(input.position(), bytes.length),
                    e);
        }
    }

    /** Without the mark that some editors write at the beginning of a file. */
    public static String withoutMark(String text) {
        return text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text;
    }

    /** By its mark, or because every other byte of the first characters is zero. */
    private static boolean isUtf16(byte[] bytes) {
        if (bytes.length < 2) {
            return false;
        }
        int first = bytes[0] & 0xff;
        int second = bytes[1] & 0xff;
        if (first == 0xfe && second == 0xff || first == 0xff && second == 0xfe) {
            return true;
        }
        boolean bigEndian = first == 0;
        int looked = Math.min(bytes.length / 2 * 2, 64);
        for (int i = 0; i < looked; i++) {
            if ((bytes[i] == 0) != (i % 2 == (bigEndian ? 0 : 1))) {
                return false;
            }
        }
        return true;
    }
}
