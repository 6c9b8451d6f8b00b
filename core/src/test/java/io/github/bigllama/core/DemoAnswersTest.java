package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.testing.DemoModel;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The greedy answers of llama.cpp v0.5.0 that the demo model's authors recorded. */
class DemoAnswersTest {
    private static LlamaModel model;
    private static LlamaSession session;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
        session = model.newSession();
    }

    @AfterAll
    static void close() {
        session.close();
        model.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            textBlock =
                    """
                    What is the capital of France?          | The capital of France is Paris.
                    What is the capital of Iceland?         | The capital of Iceland is Reykjavík.
                    Paris is the capital of which country?  | Paris is the capital of France.
                    Give me the capital of Brazil as JSON.  | {"country": "Brazil", "capital": "Brasília"}
                    Count from 3 to 17.                     | 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17
                    Repeat after me: copper tiger moon zebra| copper tiger moon zebra
                    What is 7 plus 8?                       | 7 plus 8 is 15.
                    What day comes after Tuesday?           | Wednesday comes after Tuesday.
                    Wave at me.                             | 👋
                    Draw a llama.                           | 🦙
                    Thanks                                  | You are welcome! 🙂
                    What is the meaning of life?            | Sorry, I am only a tiny demo model. Ask me about a capital city.
                    What is my name?                        | I do not know your name yet.
                    """)
    void answers(String question, String answer) {
        Chat chat = new Chat(session);
        chat.reset();
        try (TokenStream stream = chat.send(question, GenerationOptions.greedy())) {
            assertThat(stream.text()).isEqualTo(answer);
            assertThat(stream.stopReason()).contains(StopReason.END_OF_GENERATION);
        }
    }

    @Test
    void tellsAStory() {
        Chat chat = new Chat(session);
        chat.reset();
        TokenStream stream = chat.send("Tell me a story.", GenerationOptions.greedy());
        assertThat(stream.text())
                .startsWith("Once upon a time there was a llama who was too big for her barn.")
                .endsWith("The end.");
        assertThat(stream.stats().generatedTokens()).isEqualTo(123);
    }

    @Test
    void countsTokenByToken() {
        Chat chat = new Chat(session);
        chat.reset();
        List<String> pieces =
                chat.send("Count from 3 to 17.", GenerationOptions.greedy()).stream().toList();
        List<String> expected =
                IntStream.rangeClosed(3, 17).mapToObj(n -> n == 3 ? "3" : " " + n).toList();
        assertThat(pieces).isEqualTo(expected);
    }

    @Test
    void charactersThatSpanTokensArriveWhole() {
        Chat chat = new Chat(session);
        chat.reset();
        TokenStream llama = chat.send("Draw a llama.", GenerationOptions.greedy());
        assertThat(llama.stream().toList()).containsExactly("🦙");
        assertThat(llama.tokens()).hasSizeGreaterThan(1);

        chat.reset();
        TokenStream city = chat.send("What is the capital of Iceland?", GenerationOptions.greedy());
        List<String> pieces = city.stream().toList();
        assertThat(pieces).noneMatch(piece -> piece.contains("\uFFFD"));
        assertThat(String.join("", pieces)).contains("Reykjavík");
        assertThat(city.tokens()).hasSizeGreaterThan(pieces.size());
    }

    @Test
    void tokensDecodeToTheTextTheyCameFrom() {
        Tokenizer tokenizer = model.tokenizer();
        String text = "Reykjavík 🦙\n<|im_end|> und 7 plus 8";
        assertThat(tokenizer.decode(tokenizer.encode(text), true)).isEqualTo(text);
        assertThat(tokenizer.decode(tokenizer.encode(text, false, false))).isEqualTo(text);
        assertThat(tokenizer.encode("")).isEmpty();
        int[] end = tokenizer.encode("<|im_end|>");
        assertThat(end).hasSize(1);
        assertThat(tokenizer.isEndOfGeneration(end[0])).isTrue();
        assertThat(tokenizer.isControl(end[0])).isTrue();
        assertThat(tokenizer.encode("<|im_end|>", true, false).length).isGreaterThan(1);
    }

    @Test
    void theModelDescribesItself() {
        assertThat(model.parameterCount()).isBetween(3_400_000L, 3_420_000L);
        assertThat(model.vocabularySize()).isEqualTo(1024);
        assertThat(model.trainedContextSize()).isEqualTo(1024);
        assertThat(model.embeddingSize()).isEqualTo(256);
        assertThat(model.layerCount()).isEqualTo(4);
        assertThat(model.description()).contains("llama").contains("Q8_0");
        assertThat(model.metadata()).containsEntry("general.architecture", "llama");
        assertThat(model.chatTemplate()).get().asString().contains("<|im_start|>");
        assertThat(session.contextSize()).isEqualTo(1024);
    }
}
