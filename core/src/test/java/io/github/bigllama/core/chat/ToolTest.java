package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.testing.DemoModel;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tools that a model has called. */
class ToolTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();

    record City(String name, int people, boolean coastal) {}

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
    void toolsAreCalledAndTheirResultsGoBack() throws Exception {
        Tool weather =
                Tool.of(
                        "weather",
                        "Says the weather",
                        City.class,
                        city -> Map.of("place", city.name(), "degrees", city.people()));
        Tool broken =
                Tool.of(
                        "broken",
                        "Fails",
                        """
                        {"type": "object"}
                        """,
                        arguments -> {
                            throw new IllegalStateException("out of order");
                        });
        Chat chat =
                new Chat(
                        session,
                        ChatOptions.defaults()
                                .withTools(weather, broken)
                                .withTemplate(
                                        ProbedTemplates.source(
                                                "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja")));
        Reply asking =
                new Reply(
                        "",
                        "",
                        List.of(
                                new ToolCall(
                                        "1",
                                        "weather",
                                        """
                                        {"name": "Oslo", "people": 7, "coastal": true}
                                        """),
                                new ToolCall(
                                        "2",
                                        "weather",
                                        """
                                        {"name": []}
                                        """),
                                new ToolCall("3", "broken", "{}"),
                                new ToolCall("4", "none", "{}")));
        List<ChatMessage> results = chat.results(asking);
        assertThat(Json.read(results.get(0).content()).path("degrees").asInt()).isEqualTo(7);
        assertThat(results.get(1).content()).startsWith("error: ");
        assertThat(results.get(2).content()).isEqualTo("error: out of order");
        assertThat(results.get(3).content()).isEqualTo("error: there is no tool none");
        chat.ask("Hi", GREEDY.withMaxTokens(5));
        try (TokenStream answer = chat.send(results, GREEDY.withMaxTokens(1))) {
            answer.text();
            String prompt = model.tokenizer().decode(session.tokens(), true);
            assertThat(prompt)
                    .contains("Says the weather")
                    .contains("\"degrees\"")
                    .contains("error: out of order");
        }
        assertThat(chat.messages()).extracting(ChatMessage::role).contains(Role.TOOL);
        assertThatThrownBy(() -> ChatOptions.defaults().withTools(weather, weather))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> Tool.of("no name", "", "{}", arguments -> ""))
                .hasMessageContaining("is not a name of a tool");
    }
}
