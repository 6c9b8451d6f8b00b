package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.testing.DemoModel;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The reasoning of a model before it answers. */
class ReasoningTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();

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

    private Chat reasoningChat() throws Exception {
        return new Chat(
                session,
                ChatOptions.defaults()
                        .withTemplate(ProbedTemplates.source("Qwen-Qwen3-0.6B.jinja")));
    }

    @Test
    void reasoningCanBeLeftOut() throws Exception {
        Chat chat = reasoningChat();
        for (boolean thinking : new boolean[] {true, false}) {
            try (TokenStream answer =
                    chat.send("Hi", GREEDY.withMaxTokens(0).withThinking(thinking))) {
                answer.text();
                assertThat(model.tokenizer().decode(session.tokens(), true).contains("</think>"))
                        .isNotEqualTo(thinking);
            }
        }
    }

    @Test
    void reasoningIsNoContent() throws Exception {
        Chat chat = reasoningChat();
        StringBuilder reasoning = new StringBuilder();
        String answer =
                chat.send("Tell me a story.", GREEDY.withReasoning(reasoning::append)).text();
        assertThat(answer + reasoning).isNotBlank();
        assertThat(chat.reply().content()).isEqualTo(answer);
        assertThat(chat.reply().reasoning()).isEqualTo(reasoning.toString());
    }
}
