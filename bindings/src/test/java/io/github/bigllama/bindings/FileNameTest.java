package io.github.bigllama.bindings;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class FileNameTest {
    @Test
    void hasTheBytesOfTheFileSystem() {
        try (Arena arena = Arena.ofConfined()) {
            Path path = Path.of("\u00fc.gguf");
            assertThat(FileName.of(path, arena).getString(0)).isEqualTo("\u00fc.gguf");
            assertThat(
                            FileName.of(path, StandardCharsets.ISO_8859_1, arena)
                                    .toArray(ValueLayout.JAVA_BYTE))
                    .containsExactly(0xfc, '.', 'g', 'g', 'u', 'f', 0);
        }
    }
}
