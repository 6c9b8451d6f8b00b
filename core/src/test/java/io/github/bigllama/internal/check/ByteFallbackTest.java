package io.github.bigllama.internal.check;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ByteFallbackTest {
    @TempDir Path dir;

    private ByteFallback of(List<String> tokens, List<Integer> types) throws IOException {
        RawGguf writer =
                TestModels.small()
                        .text("tokenizer.ggml.model", "llama")
                        .strings("tokenizer.ggml.tokens", tokens)
                        .i32s("tokenizer.ggml.token_type", types);
        return ByteFallback.of(ModelFiles.read(writer.write(dir.resolve("spm.gguf"))));
    }

    @Test
    void otherTokenizersNeedNoBytes() {
        assertThat(ByteFallback.of(ModelFiles.read(TestModels.DEMO)).isComplete()).isTrue();
    }

    @Test
    void allBytesAreThere() throws IOException {
        List<String> tokens = new ArrayList<>();
        List<Integer> types = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            tokens.add("<0x%02X>".formatted(i));
            types.add(6);
        }
        ByteFallback fallback = of(tokens, types);
        assertThat(fallback.isComplete()).isTrue();
        assertThat(fallback.findImpossible("🦙\n\0", true)).isEmpty();
    }

    @Test
    void onlySomeCharactersAreThere() throws IOException {
        ByteFallback fallback =
                of(
                        List.of(
                                "<unk>", "<s>", "</s>", "\u2581", "a", "b", "é", "🦙", "<0x0A>",
                                "@!"),
                        List.of(2, 3, 3, 1, 1, 1, 1, 1, 6, 4));

        assertThat(fallback.isComplete()).isFalse();
        assertThat(fallback.findImpossible("a bé 🦙\n", true)).isEmpty();
        assertThat(fallback.findImpossible("abc", true)).contains("c");
        assertThat(fallback.findImpossible("a🐪", true)).contains("🐪");
        assertThat(fallback.findImpossible("a@!b", false)).isEmpty();
        assertThat(fallback.findImpossible("a!b", false)).contains("!");
        assertThat(fallback.findImpossible("<s>ab</s>", true)).isEmpty();
        assertThat(fallback.findImpossible("<s>ab</s>", false)).contains("<");
    }

    @Test
    void aSpaceIsPutInFrontOfEachText() throws IOException {
        assertThat(of(List.of("a"), List.of(1)).findImpossible("a", true)).contains(" ");
    }
}
