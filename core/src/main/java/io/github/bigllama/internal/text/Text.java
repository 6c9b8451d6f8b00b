package io.github.bigllama.internal.text;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** What error messages share: nothing from a file reaches a terminal raw or at full length. */
public final class Text {
    private static final int LIMIT = 60;

    private Text() {}

    /** The text on one line, control characters replaced, cut after 60 characters. */
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
     * UTF-8 where it is; otherwise one character a byte, so that different bytes stay different.
     */
    public static String decodeName(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            return new String(bytes, StandardCharsets.ISO_8859_1);
        }
    }

    /** Bytes as hexadecimal and as the printable characters they are. */
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
