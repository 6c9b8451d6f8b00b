package io.github.bigllama.internal.text;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/**
 * Turns the bytes of tokens into text. If a token ends inside a character, its bytes wait for the
 * rest. Bytes that can't be UTF-8 become U+FFFD.
 */
public final class Utf8Decoder {
    private final CharsetDecoder decoder =
            StandardCharsets.UTF_8
                    .newDecoder()
                    .onMalformedInput(CodingErrorAction.REPLACE)
                    .onUnmappableCharacter(CodingErrorAction.REPLACE);
    private byte[] pending = {};

    /** Decodes the characters that these bytes complete; possibly none. */
    public String decode(byte[] bytes) {
        return decode(bytes, false);
    }

    /** Whether the bytes so far end inside a character. */
    public boolean isInCharacter() {
        return pending.length > 0;
    }

    /** Ends the text: returns U+FFFD for an incomplete character, or nothing. */
    public String flush() {
        return decode(new byte[0], true);
    }

    private String decode(byte[] bytes, boolean end) {
        ByteBuffer in = ByteBuffer.allocate(pending.length + bytes.length);
        in.put(pending).put(bytes).flip();
        // UTF-8 decodes to at most one char per byte.
        CharBuffer out = CharBuffer.allocate(in.remaining());
        decoder.decode(in, out, end);
        pending = new byte[in.remaining()];
        in.get(pending);
        if (end) {
            decoder.reset();
        }
        return out.flip().toString();
    }
}
