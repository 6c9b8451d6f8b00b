package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** Real models by others, where they are beside the checkout. */
class RealModelsTest {
    private static final Path FOLDER =
            DemoModel.PATH.resolve("../../../../../shared/real-models").normalize();
    private static final SessionOptions SESSION =
            SessionOptions.defaults().withContextSize(512).withThreads(1, 1);

    private static Path file(String name) {
        Path file = FOLDER.resolve(name);
        assumeTrue(Files.exists(file), file + " is not there");
        return file;
    }

    /** The author's own program wrote the expected text. */
    @Test
    void storiesContinueWordForWord() throws IOException {
        String expected = Files.readString(file("stories260K-greedy.txt"));
        try (LlamaModel model = LlamaModel.load(file("stories260K.gguf"));
                LlamaSession session = model.newSession(SESSION);
                TokenStream story =
                        session.generate(
                                "Once upon a time",
                                GenerationOptions.greedy().withMaxTokens(200))) {
            String text = "Once upon a time" + story.text();
            assertThat(text).hasSizeGreaterThan(400);
            assertThat(expected.strip()).startsWith(text.strip());
        }
    }

    /** Characters that are no tokens, of which llama.cpp itself copies the text for each. */
    @Test
    void textOfSingleBytesIsTokenizedInLinearTime() {
        try (LlamaModel model = LlamaModel.load(file("stories260K.gguf"))) {
            assertTimeoutPreemptively(
                    Duration.ofSeconds(20),
                    () ->
                            assertThat(model.tokenizer().encode("\n".repeat(600_000), false, false))
                                    .hasSizeGreaterThan(599_999));
        }
    }

    @Test
    void aVocabularyOfLlama2IsComplete() {
        try (LlamaModel model = LlamaModel.load(file("llama-2-tiny-random.gguf"));
                LlamaSession session = model.newSession(SESSION);
                TokenStream answer =
                        session.generate("Hello", GenerationOptions.defaults().withMaxTokens(20))) {
            assertThat(model.kind()).isEqualTo(ModelKind.LANGUAGE_MODEL);
            assertThat(model.vocabularySize()).isEqualTo(32_000);
            Tokenizer tokenizer = model.tokenizer();
            String text = "Grüße, 世界 🦙!\n\ttab";
            assertThat(tokenizer.decode(tokenizer.encode(text, false, false)).strip())
                    .isEqualTo(text);
            answer.text();
            assertThat(answer.tokens()).isNotEmpty();
        }
    }
}
