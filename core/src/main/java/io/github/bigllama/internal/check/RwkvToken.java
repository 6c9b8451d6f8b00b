package io.github.bigllama.internal.check;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/** Tokens of RWKV vocabularies, which are written with escapes: llama_unescape_rwkv_token. */
final class RwkvToken {
    private static final int HEX_DIGITS = 2;
    private static final int HEX = 16;

    private RwkvToken() {}

    /** The bytes that an escaped token stands for. */
    static byte[] bytes(byte[] escaped) {
        String text = new String(escaped, StandardCharsets.ISO_8859_1);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        int i = 0;
        while (i < text.length()) {
            char c = text.charAt(i++);
            if (c != '\\' || i == text.length()) {
                bytes.write(c);
                continue;
            }
            char escape = text.charAt(i++);
            switch (escape) {
                case 't' -> bytes.write('\t');
                case 'n' -> bytes.write('\n');
                case 'r' -> bytes.write('\r');
                case 'x' -> {
                    int end = Math.min(i + HEX_DIGITS, text.length());
                    String digits = text.substring(i, end);
                    if (digits.matches("[0-9a-fA-F]{2}")) {
                        bytes.write(Integer.parseInt(digits, HEX));
                    }
                    i = end;
                }
                default -> bytes.write(escape);
            }
        }
        return bytes.toByteArray();
    }
}
