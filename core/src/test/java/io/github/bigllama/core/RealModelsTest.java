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
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Real models by others, where they are beside the checkout. */
class RealModelsTest {
    private static final Path FOLDER =
            DemoModel.PATH.resolve("../../../../../shared/real-models").normalize();
    private static final SessionOptions SESSION =
            SessionOptions.defaults().withContextSize(512).withThreads(1, 1);

    /** Where the build unpacks llama.cpp. */
    private static final Path LLAMA_CPP =
            Path.of(System.getProperty("user.home"), ".cache", "bigllama", "llama.cpp");

    /** What separates texts in the files of llama.cpp's tests. */
    private static final String SEPARATOR = "\n__ggml_vocab_test__\n";

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

    /** What its header says, and what it does not say. */
    @Test
    void storiesHaveNoTemplateAndNoSeparator() {
        try (LlamaModel model = LlamaModel.load(file("stories260K.gguf"))) {
            assertThat(model.layerCount()).isEqualTo(5);
            assertThat(model.vocabularySize()).isEqualTo(512);
            assertThat(model.trainedContextSize()).isEqualTo(2048);
            assertThat(model.chatTemplate()).isEmpty();
            assertThat(model.metadata())
                    .containsEntry("tokenizer.ggml.seperator_token_id", "4294967295")
                    .containsEntry("tokenizer.ggml.padding_token_id", "4294967295");
        }
    }

    /**
     * Vocabularies of llama.cpp, where its source is: texts, and their tokens as the authors of the
     * models have them.
     */
    @Test
    void vocabulariesTokenizeAsTheirAuthorsDo() throws IOException {
        List<Path> files;
        try (Stream<Path> all = Files.walk(LLAMA_CPP, 3)) {
            files =
                    all.filter(file -> file.getFileName().toString().startsWith("ggml-vocab-"))
                            .filter(file -> file.toString().endsWith(".gguf"))
                            .filter(file -> Files.exists(Path.of(file + ".out")))
                            .sorted()
                            .toList();
        } catch (NoSuchFileException e) {
            files = List.of();
        }
        assumeTrue(!files.isEmpty(), "no vocabularies in " + LLAMA_CPP);
        for (Path file : files) {
            String[] texts = Files.readString(Path.of(file + ".inp")).split(SEPARATOR, -1);
            List<String> expected = Files.readAllLines(Path.of(file + ".out"));
            try (LlamaModel model = LlamaModel.load(file)) {
                assertThat(model.kind()).isEqualTo(ModelKind.VOCABULARY);
                for (int i = 0; i < expected.size(); i++) {
                    assertThat(model.tokenizer().encode(texts[i], false, false))
                            .as("text %d of %s", i, file.getFileName())
                            .isEqualTo(
                                    Arrays.stream(expected.get(i).trim().split(" +"))
                                            .filter(id -> !id.isEmpty())
                                            .mapToInt(Integer::parseInt)
                                            .toArray());
                }
            }
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
            assertThat(model.layerCount()).isEqualTo(1);
            Tokenizer tokenizer = model.tokenizer();
            String text = "Grüße, 世界 🦙!\n\ttab";
            assertThat(tokenizer.decode(tokenizer.encode(text, false, false)).strip())
                    .isEqualTo(text);
            answer.text();
            assertThat(answer.tokens()).isNotEmpty();
        }
    }
}
