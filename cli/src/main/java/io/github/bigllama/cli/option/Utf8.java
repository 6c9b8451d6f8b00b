package io.github.bigllama.cli.option;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/** Decodes text from any editor: UTF-8, with or without a byte order mark. */
public final class Utf8 {
    private static final String BYTE_ORDER_MARK = "\uFEFF";

    private Utf8() {}

    /**
     * Reads a file.
     *
     * @throws IOException if the file can't be read, or is not UTF-8; it says where
     */
    static String read(Path file) throws IOException {
        return decode(Files.readAllBytes(file));
    }

    /**
     * Decodes text, and refuses anything but UTF-8: the model would see other characters than the
     * user.
     *
     * @throws IOException with the position of the first invalid byte, or the encoding if it is
     *     known
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
                    String.format(
                            Locale.ROOT,
                            "it is not UTF-8 text (byte %d of %d)",
                            input.position(),
                            bytes.length),
                    e);
        }
    }

    /** A text without the byte order mark that some editors write at the beginning. */
    public static String withoutMark(String text) {
        return text.startsWith(BYTE_ORDER_MARK) ? text.substring(1) : text;
    }

    /** Recognizes UTF-16 by its mark, or because every other one of the first bytes is zero. */
    private static boolean isUtf16(byte[] bytes) {
        if (bytes.length < 2 || bytes.length % 2 == 1) {
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
