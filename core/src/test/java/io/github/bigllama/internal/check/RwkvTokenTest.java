package io.github.bigllama.internal.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class RwkvTokenTest {
    private static byte[] bytes(String escaped) {
        return RwkvToken.bytes(escaped.getBytes(StandardCharsets.UTF_8));
    }

    @Test
    void escapesStandForBytes() {
        assertThat(bytes("a b")).isEqualTo("a b".getBytes(StandardCharsets.UTF_8));
        assertThat(bytes("\\x00\\xffz")).containsExactly(0, 0xff, 'z');
        assertThat(bytes("\\t\\n\\r\\\\\\'")).containsExactly('\t', '\n', '\r', '\\', '\'');
        assertThat(bytes("é")).containsExactly(0xc3, 0xa9);
        assertThat(bytes("\\x4")).isEmpty();
    }
}
