package io.github.bigllama.internal.text;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** Text of files in error messages, which must not reach a terminal raw or at full length. */
public final class Text {
    private static final int LIMIT = 60;

    private Text() {}

    /** The text in one line, with control characters replaced, cut after 60 characters. */
    public static String shorten(String text) {
        StringBuilder line = new StringBuilder();
        text.codePoints()
                .limit(LIMIT)
                .map(c -> Character.isISOControl(c) ? '?' : c)
                .forEach(line::appendCodePoint);
        if (text.codePointCount(0, text.length()) > LIMIT) {
            line.append('…');
        }
        return line.toString();
    }

    public static String quote(String text) {
        return "'" + shorten(text) + "'";
    }

    /**
     * Decodes valid UTF-8; otherwise makes one character of each byte, so that different bytes stay
     * different.
     */
    public static String decodeName(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            return new String(bytes, StandardCharsets.ISO_8859_1);
        }
    }

    /**
     * Requires a text that UTF-8 has bytes for: Java writes a question mark for half of a surrogate
     * pair, so that the model would be given another text.
     *
     * @param what the name of the text in the message
     * @throws IllegalArgumentException if it has such a half
     */
    public static void requireWhole(String what, String text) {
        for (int i = 0; i < text.length(); i += Character.charCount(text.codePointAt(i))) {
            if (Character.getType(text.codePointAt(i)) == Character.SURROGATE) {
                throw new IllegalArgumentException(
                        what
                                + " has half of a surrogate pair at index "
                                + i
                                + ", which is no character");
            }
        }
    }

    /** Bytes in hexadecimal, followed by their printable characters. */
    public static String bytes(byte[] bytes, int count) {
        StringBuilder hex = new StringBuilder();
        StringBuilder text = new StringBuilder();
        for (int i = 0; i < count; i++) {
            hex.append(i == 0 ? "" : " ").append("%02x".formatted(bytes[i]));
            text.append(bytes[i] >= 0x20 && bytes[i] < 0x7F ? (char) bytes[i] : '.');
        }
        return hex + " (\"" + text + "\")";
    }
}
