package io.github.bigllama.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class TokenTextTest {
    private static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            bytes[i] = (byte) values[i];
        }
        return bytes;
    }

    @Test
    void wholeCharactersStay() {
        assertThat(TokenText.visible(" Reykjavík 🦙".getBytes(StandardCharsets.UTF_8)))
                .isEqualTo(" Reykjavík 🦙");
        assertThat(TokenText.visible(new byte[0])).isEmpty();
    }

    @Test
    void partsOfCharactersAreBytes() {
        assertThat(TokenText.visible(bytes(' ', 0xF0, 0x9F))).isEqualTo(" \\xF0\\x9F");
        assertThat(TokenText.visible(bytes(0xA6, 'a', 0xC3))).isEqualTo("\\xA6a\\xC3");
    }

    @Test
    void controlCharactersAreEscaped() {
        assertThat(TokenText.visible(bytes('a', '\n', '\r', '\t', '\\', 0x1B, 0x7F)))
                .isEqualTo("a\\n\\r\\t\\\\\\x1B\\x7F");
    }
}
