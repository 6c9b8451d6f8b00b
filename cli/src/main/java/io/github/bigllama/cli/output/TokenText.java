package io.github.bigllama.cli.output;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/** Shows the bytes of a token. */
public final class TokenText {
    private TokenText() {}

    /** Keeps whole characters, and escapes other bytes and characters that move the cursor. */
    public static String visible(byte[] bytes) {
        CharsetDecoder decoder =
                StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT);
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length + 1);
        StringBuilder text = new StringBuilder();
        while (in.hasRemaining()) {
            // Stops before the first byte that is not part of a whole character.
            decoder.reset().decode(in, out, true);
            appendVisible(text, out.flip());
            out.clear();
            if (in.hasRemaining()) {
                text.append("\\x%02X".formatted(in.get()));
            }
        }
        return text.toString();
    }

    private static void appendVisible(StringBuilder text, CharSequence characters) {
        for (int i = 0; i < characters.length(); i++) {
            char c = characters.charAt(i);
            switch (c) {
                case '\n' -> text.append("\\n");
                case '\r' -> text.append("\\r");
                case '\t' -> text.append("\\t");
                case '\\' -> text.append("\\\\");
                default -> {
                    if (Character.isISOControl(c)) {
                        text.append("\\x%02X".formatted((int) c));
                    } else {
                        text.append(c);
                    }
                }
            }
        }
    }
}
