package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.LlamaRuntime;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.GrammarException;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.llama.Shim;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every template that llama.cpp ships gives the same results here as in llama.cpp. */
class TemplatesTest {
    private static final ToolCall CALL =
            new ToolCall("call12345", "weather", "{\"city\":\"Oslo\"}");

    /** What template-probe printed: by template, by variant. */
    private static final Map<String, Map<String, String>> PROBED = new LinkedHashMap<>();

    @BeforeAll
    static void read() throws IOException {
        LlamaRuntime.load();
        PROBED.putAll(ProbedTemplates.read());
    }

    @Test
    void thereAreManyTemplates() {
        assertThat(PROBED).hasSizeGreaterThan(60);
        assertThat(PROBED.values()).allSatisfy(variants -> assertThat(variants).hasSize(4));
    }

    @TestFactory
    Stream<DynamicTest> aTemplateWritesWhatItWritesInLlamaCpp() {
        return PROBED.entrySet().stream()
                .map(
                        entry ->
                                DynamicTest.dynamicTest(
                                        entry.getKey(), () -> compare(entry.getValue())));
    }

    private static void compare(Map<String, String> probed) {
        try (ChatTemplate template = template(probed.get("source"))) {
            List<ChatMessage> talk =
                    List.of(
                            new ChatMessage(Role.SYSTEM, "Be brief."),
                            new ChatMessage(Role.USER, "Wie heißt du? 👋"),
                            new ChatMessage(Role.ASSISTANT, "I am\na model."),
                            new ChatMessage(Role.USER, "And <b>who</b> \"made\" you?"));
            check(probed, "thinking", template, request(talk, true));
            check(probed, "plain", template, request(talk, false));
            List<ChatMessage> tools =
                    List.of(
                            new ChatMessage(Role.USER, "How is the weather in Oslo?"),
                            new ChatMessage(
                                    Role.ASSISTANT, "", "", List.of(CALL), Optional.empty()),
                            ChatMessage.result(CALL, "7 degrees"));
            ObjectNode withTools = request(tools, false);
            withTools.set("tools", tools());
            check(probed, "tools", template, withTools);
        }
    }

    private static ChatTemplate template(String source) {
        return new ChatTemplate(MemorySegment.NULL, source, "<s>", "</s>");
    }

    private static ArrayNode tools() {
        return Json.array()
                .add(
                        Tool.of(
                                        "weather",
                                        "Says the weather of a city",
                                        """
                                        {"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}""",
                                        arguments -> "")
                                .toJson())
                .add(
                        Tool.of(
                                        "time",
                                        "Says the time",
                                        """
                                        {"type":"object","properties":{}}""",
                                        arguments -> "")
                                .toJson());
    }

    private static ObjectNode request(List<ChatMessage> messages, boolean thinking) {
        ObjectNode request = Json.object();
        ArrayNode array = request.putArray("messages");
        messages.forEach(message -> array.add(message.toJson(Media::name)));
        return request.put("enable_thinking", thinking).put("now", 1750000000L);
    }

    private static void check(
            Map<String, String> probed, String variant, ChatTemplate template, ObjectNode request) {
        if (probed.containsKey(variant + "-refused")) {
            assertThatThrownBy(() -> template.apply(request))
                    .isInstanceOf(ChatTemplateException.class)
                    .hasMessageContaining("refuses the conversation");
        } else {
            assertThat(template.apply(request).text()).isEqualTo(probed.get(variant));
        }
    }

    private static ReplySyntax syntax(String name, boolean thinking) {
        String source = PROBED.get(name).get("source");
        try (ChatTemplate template = template(source)) {
            ObjectNode request =
                    request(List.of(new ChatMessage(Role.USER, "How is Oslo?")), thinking);
            request.set("tools", tools());
            return template.apply(request).syntax();
        }
    }

    @Test
    void aReplyWithReasoningAndACall() {
        ReplySyntax syntax = syntax("Qwen-Qwen3-0.6B.jinja", true);
        String text =
                "<think>\nThe user wants weather.\n</think>\n\nLet me look.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>";
        Reply reply = syntax.parse(text, false);
        assertThat(reply.reasoning()).isEqualTo("The user wants weather.\n");
        assertThat(reply.content().strip()).isEqualTo("Let me look.");
        assertThat(reply.toolCalls()).hasSize(1);
        assertThat(reply.toolCalls().getFirst().name()).isEqualTo("weather");
        assertThat(Json.read(reply.toolCalls().getFirst().arguments()).path("city").asText())
                .isEqualTo("Oslo");
    }

    @Test
    void aReplyWhileItGrows() {
        ReplySyntax syntax = syntax("Qwen-Qwen3-0.6B.jinja", true);
        String text = "<think>\nHm, let me see.\n</think>\n\nIt is 7 degrees.";
        StringBuilder reasoning = new StringBuilder();
        StringBuilder content = new StringBuilder();
        ReplyReader reader = new ReplyReader(syntax, reasoning::append);
        for (int i = 1; i <= text.length(); i++) {
            content.append(reader.read(text.substring(0, i), false));
            assertThat(content.toString()).doesNotContain("think").doesNotContain("Hm");
        }
        content.append(reader.read(text, true));
        assertThat(content.toString().strip()).isEqualTo("It is 7 degrees.");
        assertThat(reasoning.toString().strip()).isEqualTo("Hm, let me see.");
    }

    @Test
    void callsOfOtherFormats() {
        Map<String, String> replies =
                Map.of(
                        "meta-llama-Llama-3.1-8B-Instruct.jinja",
                        """
                        {"name": "weather", "parameters": {"city": "Oslo"}}""",
                        "mistralai-Mistral-Nemo-Instruct-2407.jinja",
                        """
                        [TOOL_CALLS][{"name": "weather", "arguments": {"city": "Oslo"}, "id": "123456789"}]""",
                        "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja",
                        "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\"}}\n</tool_call>",
                        "Qwen3-Coder.jinja",
                        "<tool_call>\n<function=weather>\n<parameter=city>\nOslo\n</parameter>\n</function>\n</tool_call>");
        replies.forEach(
                (name, text) -> {
                    Reply reply = syntax(name, false).parse(text, false);
                    assertThat(reply.toolCalls()).as(name).hasSize(1);
                    ToolCall call = reply.toolCalls().getFirst();
                    assertThat(call.name()).isEqualTo("weather");
                    assertThat(Json.read(call.arguments()).path("city").asText()).isEqualTo("Oslo");
                });
    }

    private static String grammarOf(String schema) {
        return Shim.text(
                GrammarException::new,
                "cannot make a grammar of the JSON schema",
                (arena, error) ->
                        llama_h.bigllama_schema_to_grammar(arena.allocateFrom(schema), error));
    }

    @Test
    void schemasBecomeGrammars() {
        assertThat(grammarOf("{\"type\":\"boolean\"}")).contains("root ::=").contains("true");
        assertThat(
                        grammarOf(
                                """
                                {"type":"object","properties":{"a":{"enum":["x","y"]}},"required":["a"]}"""))
                .contains("\\\"x\\\"");
        assertThatThrownBy(() -> grammarOf("{\"$ref\":\"#/nowhere\"}"))
                .isInstanceOf(GrammarException.class)
                .hasMessageStartingWith("cannot make a grammar of the JSON schema: ");
        assertThatThrownBy(() -> Grammar.json("{")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void badInputIsAnErrorInOneLine() {
        String deep = "[".repeat(100_000);
        List<Runnable> bad =
                List.of(
                        () -> grammarOf(deep),
                        () -> grammarOf("not json"),
                        () -> template("{{ " + "(".repeat(100_000)).close(),
                        () -> template("{% for %}").close(),
                        () -> template("{{ 'a'").close(),
                        () -> new ReplySyntax(Json.object()).parse("x", false),
                        () ->
                                new ReplySyntax(
                                                Json.object()
                                                        .put("format", 2)
                                                        .put("parser", "{")
                                                        .put("generation_prompt", ""))
                                        .parse("x", false),
                        () -> apply("{}"),
                        () ->
                                apply(
                                        """
                                        {"messages":[{"content":"a"}]}"""),
                        () -> apply("{\"messages\":\"hello\"}"),
                        () ->
                                apply(
                                        """
                                        {"messages":[],"tools":[{"type":"x"}]}"""));
        for (Runnable call : bad) {
            assertThatThrownBy(call::run)
                    .isInstanceOfAny(ChatTemplateException.class, GrammarException.class)
                    .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n").isNotBlank());
        }
    }

    /** llama.cpp does not limit the depth: these would overflow the stack, and end the process. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
                "{% macro f(x) %}{{ g(x) }}{% endmacro %}{% macro g(x) %}{% if x %}{{ f(x) }}{% endif %}{% endmacro %}{{ f(1) }}",
                "{{ NOT 1 }}"
            })
    void aTemplateWithoutEndIsAnError(String source) {
        String template = source.replace("NOT", "not ".repeat(60_000));
        assertThatThrownBy(
                        () -> {
                            try (ChatTemplate endless = template(template)) {
                                endless.apply(
                                        request(List.of(new ChatMessage(Role.USER, "Hi")), false));
                            }
                        })
                .isInstanceOf(ChatTemplateException.class)
                .hasMessageEndingWith("it calls itself without end, or is nested too deep");
    }

    @Test
    void aTemplateMayCallItself() {
        String source =
                "{% macro f(n) %}{% if n > 0 %}{{ f(n - 1) }}x{% endif %}{% endmacro %}{{ f(200) }}";
        try (ChatTemplate template = template(source)) {
            assertThat(
                            template.apply(
                                            request(
                                                    List.of(new ChatMessage(Role.USER, "Hi")),
                                                    false))
                                    .text())
                    .isEqualTo("x".repeat(200));
        }
    }

    private static void apply(String request) {
        try (ChatTemplate template = template("{{ messages[0].content }}")) {
            template.apply((ObjectNode) Json.read(request));
        }
    }

    @Test
    void textsWithNulAreRefused() {
        assertThat(Arrays.asList("a\0b"))
                .allSatisfy(
                        text ->
                                assertThatThrownBy(() -> Grammar.gbnf(text))
                                        .isInstanceOf(IllegalArgumentException.class)
                                        .hasMessageContaining("NUL"));
    }

    /** A question, calls that have an answer or none, and another question. */
    @TestFactory
    Stream<DynamicTest> aConversationIsWrittenWhateverBecameOfItsCalls() {
        ToolCall nameless = CALL.withId("");
        ChatMessage question = new ChatMessage(Role.USER, "How is Oslo?");
        List<List<ChatMessage>> endings =
                List.of(
                        List.of(calling(CALL)),
                        List.of(calling(nameless)),
                        List.of(
                                calling(nameless),
                                ChatMessage.result(nameless, "7"),
                                new ChatMessage(Role.ASSISTANT, "It is 7.")),
                        List.of(
                                calling(nameless),
                                ChatMessage.result(nameless, "7"),
                                calling(nameless),
                                ChatMessage.result(nameless, "8"),
                                new ChatMessage(Role.ASSISTANT, "It is 8."),
                                question,
                                calling(nameless),
                                ChatMessage.result(nameless, "9"),
                                new ChatMessage(Role.ASSISTANT, "It is 9.")),
                        List.of(
                                calling(CALL.withId("functions.weather:0")),
                                ChatMessage.result(CALL.withId("functions.weather:0"), "7"),
                                new ChatMessage(Role.ASSISTANT, "It is 7.")));
        return PROBED.entrySet().stream()
                .filter(entry -> !entry.getValue().containsKey("plain-refused"))
                .filter(entry -> !entry.getValue().containsKey("tools-refused"))
                .flatMap(
                        entry ->
                                endings.stream()
                                        .map(
                                                ending ->
                                                        DynamicTest.dynamicTest(
                                                                entry.getKey()
                                                                        + " after "
                                                                        + ending.size(),
                                                                () -> {
                                                                    List<ChatMessage> all =
                                                                            new ArrayList<>();
                                                                    all.add(question);
                                                                    all.addAll(ending);
                                                                    all.add(question);
                                                                    requireWritten(
                                                                            entry.getValue()
                                                                                    .get("source"),
                                                                            all);
                                                                })));
    }

    private static ChatMessage calling(ToolCall call) {
        return new ChatMessage(Role.ASSISTANT, "", "", List.of(call), Optional.empty());
    }

    private static void requireWritten(String source, List<ChatMessage> messages) {
        try (ChatTemplate template = template(source)) {
            ObjectNode request = request(RequestMessages.of(messages), false);
            request.set("tools", tools());
            try {
                template.apply(request);
            } catch (ChatTemplateException e) {
                ObjectNode plain = request(RequestMessages.withPlainIds(messages), false);
                plain.set("tools", tools());
                template.apply(plain);
            }
        }
    }

    @Test
    void whatWasShownIsSaid() {
        String text =
                """
                Hello <tool_call>{"name":"nosuch","arguments":{}}</tool_call> there""";
        for (String name :
                List.of(
                        "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja",
                        "Qwen-Qwen3-0.6B.jinja")) {
            for (int end = 1; end <= text.length(); end++) {
                ReplyReader reader = new ReplyReader(syntax(name, false), null);
                StringBuilder shown = new StringBuilder();
                for (int i = 1; i <= end; i++) {
                    shown.append(reader.read(text.substring(0, i), false));
                }
                shown.append(reader.read(text.substring(0, end), true));
                assertThat(reader.reply().content()).isEqualTo(shown.toString());
                assertThat(reader.reply().content())
                        .startsWith(text.substring(0, Math.min(5, end)));
            }
        }
    }
}
