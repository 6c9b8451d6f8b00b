package io.github.bigllama.internal.text;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class Utf8DecoderTest {
    @Test
    void aCharacterSplitOverTokensComesOutWhole() {
        String text = "Reykjavík 🦙 is warm: 👩‍👩‍👧";
        Utf8Decoder decoder = new Utf8Decoder();
        StringBuilder decoded = new StringBuilder();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            String piece = decoder.decode(new byte[] {b});
            assertThat(piece).doesNotContain("\uFFFD");
            decoded.append(piece);
        }
        assertThat(decoded).hasToString(text);
        assertThat(decoder.flush()).isEmpty();
    }

    @Test
    void nothingComesOutBeforeTheCharacterIsComplete() {
        byte[] llama = "🦙".getBytes(StandardCharsets.UTF_8);
        Utf8Decoder decoder = new Utf8Decoder();
        assertThat(decoder.decode(new byte[] {llama[0], llama[1], llama[2]})).isEmpty();
        assertThat(decoder.decode(new byte[] {llama[3], 'x'})).isEqualTo("🦙x");
    }

    @Test
    void aCharacterThatNeverEndsBecomesAReplacement() {
        Utf8Decoder decoder = new Utf8Decoder();
        assertThat(decoder.decode(new byte[] {'a', (byte) 0xF0, (byte) 0x9F})).isEqualTo("a");
        assertThat(decoder.flush()).isEqualTo("\uFFFD");
        assertThat(decoder.decode(new byte[] {'b'})).isEqualTo("b");
    }

    @Test
    void bytesThatAreNoUtf8BecomeReplacementsAndTheRestGoesOn() {
        Utf8Decoder decoder = new Utf8Decoder();
        assertThat(decoder.decode(new byte[] {(byte) 0xFF, 'a', (byte) 0x80, 'b'}))
                .isEqualTo("\uFFFDa\uFFFDb");
    }
}
