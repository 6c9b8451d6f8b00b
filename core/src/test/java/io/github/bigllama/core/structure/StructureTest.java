package io.github.bigllama.core.structure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.chat.Reply;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.chat.Tool;
import io.github.bigllama.core.chat.ToolCall;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.testing.DemoModel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of a given form, and tools. */
class StructureTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();

    enum Continent {
        AFRICA,
        EUROPE
    }

    record City(String name, int people, boolean coastal) {}

    record Country(String country, String capital) {}

    record Everything(
            Continent continent, List<City> cities, double[] numbers, Map<String, Long> counts) {}

    record Loop(String name, List<Loop> inner) {}

    record Odd(Thread thread) {}

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
        Reply reply =
                new Chat(session)
                        .ask(
                                question,
                                GREEDY.withMaxTokens(400)
                                        .withGrammar(
                                                Grammar.json(
                                                        "{\"type\":\"object\",\"properties\":{\"yes\":{\"type\":\"boolean\"},\"kind\":{\"enum\":[\"a\",\"b\"]}},\"required\":[\"yes\",\"kind\"],\"additionalProperties\":false}")));
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
        // The same with chance in it.
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
                .hasMessageContaining("the grammar can't be used: ");
    }

    @Test
    void aDeepGrammarIsRefused() {
        assertThatThrownBy(() -> Grammar.gbnf("root ::= " + "(".repeat(100_000)))
                .hasMessageContaining("nested more than 200 deep");
    }

    @Test
    void schemasOfRecords() {
        assertThat(RecordSchema.of(City.class))
                .isEqualTo(
                        "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"people\":{\"type\":\"integer\"},\"coastal\":{\"type\":\"boolean\"}},\"required\":[\"name\",\"people\",\"coastal\"],\"additionalProperties\":false}");
        assertThat(RecordSchema.of(Everything.class))
                .contains("{\"type\":\"string\",\"enum\":[\"AFRICA\",\"EUROPE\"]}")
                .contains("\"cities\":{\"type\":\"array\",\"items\":{\"type\":\"object\"")
                .contains("\"numbers\":{\"type\":\"array\",\"items\":{\"type\":\"number\"}}")
                .contains(
                        "\"counts\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"integer\"}}");
        Grammar.of(Everything.class);
        assertThatThrownBy(() -> Grammar.of(Loop.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("Loop.inner: ")
                .hasMessageContaining("has itself as a part");
        assertThatThrownBy(() -> Grammar.of(Odd.class))
                .hasMessageContaining("Odd.thread: there is no JSON schema for java.lang.Thread");
    }

    @Test
    void aReplyThatIsNoRecord() {
        assertThatThrownBy(() -> new Reply("hello", "", List.of()).as(City.class))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("the reply is no City");
    }

    private static String template(String name) throws Exception {
        try (Stream<Path> platforms = Files.list(Path.of(System.getProperty("bigllama.natives")))) {
            byte[] bytes =
                    Files.readAllBytes(
                            platforms.findFirst().orElseThrow().resolve("templates.txt"));
            String all = new String(bytes, StandardCharsets.ISO_8859_1);
            String head = name + " source ";
            int line = all.indexOf(head);
            int start = all.indexOf('\n', line) + 1;
            int length = Integer.parseInt(all.substring(line + head.length(), start - 1));
            return new String(bytes, start, length, StandardCharsets.UTF_8);
        }
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
                new Tool(
                        "broken",
                        "Fails",
                        "{\"type\":\"object\"}",
                        arguments -> {
                            throw new IllegalStateException("out of order");
                        });
        Chat chat =
                new Chat(
                        session,
                        ChatOptions.defaults()
                                .withTools(weather, broken)
                                .withTemplate(
                                        template(
                                                "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja")));
        Reply asking =
                new Reply(
                        "",
                        "",
                        List.of(
                                new ToolCall(
                                        "1",
                                        "weather",
                                        "{\"name\":\"Oslo\",\"people\":7,\"coastal\":true}"),
                                new ToolCall("2", "weather", "{\"name\":[]}"),
                                new ToolCall("3", "broken", "{}"),
                                new ToolCall("4", "none", "{}")));
        List<ChatMessage> results = chat.results(asking);
        assertThat(Json.read(results.get(0).content()).path("degrees").asInt()).isEqualTo(7);
        assertThat(results.get(1).content()).startsWith("error: ");
        assertThat(results.get(2).content()).isEqualTo("error: the tool failed");
        assertThat(results.get(3).content()).isEqualTo("error: there is no tool none");
        chat.ask("Hi", GREEDY.withMaxTokens(5));
        try (TokenStream answer = chat.send(results, GREEDY.withMaxTokens(1))) {
            answer.text();
            String prompt = model.tokenizer().decode(session.tokens(), true);
            assertThat(prompt)
                    .contains("Says the weather")
                    .contains("\"degrees\"")
                    .contains("error: the tool failed")
                    .doesNotContain("out of order");
        }
        assertThat(chat.messages()).extracting(ChatMessage::role).contains(Role.TOOL);
        assertThatThrownBy(() -> ChatOptions.defaults().withTools(weather, weather))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> new Tool("no name", "", "{}", arguments -> ""))
                .hasMessageContaining("is no name of a tool");
    }

    private Chat reasoningChat() throws Exception {
        return new Chat(
                session, ChatOptions.defaults().withTemplate(template("Qwen-Qwen3-0.6B.jinja")));
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
