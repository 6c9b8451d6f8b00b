package io.github.bigllama.core.structure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.testing.DemoModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers that must have a certain form. */
class AnswerFormTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();

    record Country(String country, String capital) {}

    private LlamaModel model;
    private LlamaSession session;

    @BeforeEach
    void open() {
        model = DemoModel.load();
        session = model.newSession(DemoModel.ONE_THREAD.withContextSize(2048));
    }

    @AfterEach
    void close() {
        session.close();
        model.close();
    }

    @Test
    void aReplyBecomesARecord() {
        Chat chat = new Chat(session);
        Country country =
                chat.ask(
                                "Give me the capital of Brazil as JSON.",
                                GREEDY.withGrammar(Grammar.of(Country.class)))
                        .as(Country.class);
        assertThat(country).isEqualTo(new Country("Brazil", "Brasília"));
        assertThat(chat.messages()).hasSize(2);
        assertThat(chat.reply().content()).startsWith("{");
    }

    @ParameterizedTest
    @ValueSource(strings = {"Tell me a story.", "My name is Greta.", "Count from 3 to 17."})
    void whateverIsAskedTheReplyIsOfTheForm(String question) {
        Grammar grammar =
                Grammar.json(
                        """
                        {
                          "type": "object",
                          "properties": {
                            "yes": {"type": "boolean"},
                            "kind": {"enum": ["a", "b"]}
                          },
                          "required": ["yes", "kind"],
                          "additionalProperties": false
                        }
                        """);
        Reply reply =
                new Chat(session).ask(question, GREEDY.withMaxTokens(400).withGrammar(grammar));
        assertThat(Json.read(reply.content()).path("yes").isBoolean()).isTrue();
        assertThat(Json.read(reply.content()).path("kind").asText()).isIn("a", "b");
    }

    @Test
    void aGrammarOfOnesOwn() {
        Grammar grammar = Grammar.gbnf("root ::= (\"yes\" | \"no\") \"!\"");
        try (TokenStream answer = session.generate("Is it raining?", GREEDY.withGrammar(grammar))) {
            assertThat(answer.text()).isIn("yes!", "no!");
            assertThat(answer.stopReason()).contains(StopReason.END_OF_GENERATION);
        }
        assertThat(new Chat(session).ask("Wave at me.", GREEDY.withGrammar(grammar)).content())
                .isIn("yes!", "no!");
        // The same with random choices.
        GenerationOptions random =
                GenerationOptions.defaults()
                        .withSampling(SamplingOptions.defaults().withTemperature(2))
                        .withGrammar(grammar);
        for (int i = 0; i < 20; i++) {
            assertThat(session.generate("Hm?", random).text()).isIn("yes!", "no!");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"root = x", "other ::= \"a\"", "root ::= missing", "root ::= (\"a\""})
    void whatIsNoGrammarIsRefused(String source) {
        assertThatThrownBy(() -> Grammar.gbnf(source))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cannot use the grammar: ");
    }

    @Test
    void aDeepGrammarIsRefused() {
        assertThatThrownBy(() -> Grammar.gbnf("root ::= " + "(".repeat(100_000)))
                .hasMessageContaining("nested more than 200 deep");
    }
}
