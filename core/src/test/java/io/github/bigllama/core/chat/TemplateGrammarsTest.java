package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * With every template that llama.cpp ships an answer is what its grammar says, and all of it is
 * content.
 */
class TemplateGrammarsTest {
    private static final Tool TOOL =
            Tool.of(
                    "weather",
                    "Says the weather of a city",
                    """
                    {"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}""",
                    arguments -> "rain");

    private static final Grammar YES_OR_NO = Grammar.gbnf("root ::= \"yes\" | \"no\"");

    private static final Grammar BOOLEAN =
            Grammar.json(
                    """
                    {"type":"object","properties":{"wet":{"type":"boolean"}},"required":["wet"],"additionalProperties":false}""");

    private static LlamaModel model;
    private static LlamaSession session;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
        session = model.newSession(DemoModel.ONE_THREAD.withContextSize(4096));
    }

    @AfterAll
    static void close() {
        session.close();
        model.close();
    }

    /**
     * A grammar that allows what the model says anyway changes nothing, the prompt least of all.
     */
    @Test
    void aGrammarLeavesThePromptAsItIs() {
        GenerationOptions greedy =
                GenerationOptions.greedy().withMaxTokens(20).withStopStrings(List.of("."));
        session.reset();
        String free = new Chat(session).ask("What is the capital of France?", greedy).content();
        int[] tokens = session.tokens();
        session.reset();
        String bound =
                new Chat(session)
                        .ask(
                                "What is the capital of France?",
                                greedy.withGrammar(Grammar.gbnf("root ::= [^\\n]+")))
                        .content();
        assertThat(bound).isEqualTo(free).isEqualTo("The capital of France is Paris");
        assertThat(session.tokens()).isEqualTo(tokens);
    }

    private static Stream<DynamicTest> each(Consumer<String> check) throws IOException {
        return ProbedTemplates.read().entrySet().stream()
                .map(
                        entry ->
                                DynamicTest.dynamicTest(
                                        entry.getKey(),
                                        () -> check.accept(entry.getValue().get("source"))));
    }

    private static Reply ask(String template, boolean thinking, Grammar grammar, Tool... tools) {
        session.reset();
        Chat chat =
                new Chat(session, ChatOptions.defaults().withTemplate(template).withTools(tools));
        StringBuilder shown = new StringBuilder();
        try (TokenStream answer =
                chat.send(
                        "Is water wet?",
                        GenerationOptions.defaults()
                                .withMaxTokens(60)
                                .withThinking(thinking)
                                .withSampling(SamplingOptions.defaults().withTemperature(0))
                                .withGrammar(grammar))) {
            answer.forEachRemaining(shown::append);
        }
        assertThat(shown.toString()).isEqualTo(chat.reply().content());
        return chat.reply();
    }

    @TestFactory
    Stream<DynamicTest> yesOrNo() throws IOException {
        return each(
                template -> {
                    for (boolean thinking : new boolean[] {true, false}) {
                        assertThat(ask(template, thinking, YES_OR_NO).content()).isIn("yes", "no");
                        assertThat(ask(template, thinking, YES_OR_NO, TOOL).content())
                                .isIn("yes", "no");
                    }
                });
    }

    @TestFactory
    Stream<DynamicTest> jsonOfASchema() throws IOException {
        return each(
                template -> {
                    for (boolean thinking : new boolean[] {true, false}) {
                        Reply reply = ask(template, thinking, BOOLEAN);
                        JsonNode json = Json.read(reply.content());
                        assertThat(json.path("wet").isBoolean()).as(reply.content()).isTrue();
                    }
                });
    }
}
