package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ToolChoice;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tools that a model calls. */
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
        assertThatThrownBy(() -> Tool.of("no name", "", "{}", arguments -> ""))
                .hasMessageContaining("is not a valid tool name");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            textBlock =
                    """
                    {"required": ["a"], "properties": {"a": {"minLength": 5, "maxLength": 2}}} ; #/properties/a/minLength
                    {"properties": {"a": {"const": 1e400}}}                 ; #/properties/a/const
                    {"properties": {"a": {"$ref": "#/$defs/none"}}}         ; #/properties/a/$ref
                    {"properties": {"a": {"type": "strin"}}}                ; #/properties/a/type
                    {"required": ["a"], "properties": {"a": false}}         ; #/properties/a
                    {"properties": {"a": {"not": {"$ref": "file:///a"}}}}   ; #/properties/a/not/$ref
                    {"properties": {"a": {"not": {"$ref": "#/$defs/a"}}}}   ; #/properties/a/not/$ref
                    {"if": {"$dynamicRef": "classpath:a"}}                  ; #/if/$dynamicRef
                    {"not": {"anyOf": [{"pattern": "(?=a"}]}}               ; #/not/anyOf/0/pattern
                    {"patternProperties": {"a(b": {}}}                      ; #/patternProperties
                    {"type": "string"}                                      ; the schema of the parameters is not that of
                    {"enum": [1, 2]}                                        ; #/enum
                    []                                                      ; the schema of the parameters
                    {"type":                                                ; the schema of the parameters
                    """)
    void aBadToolIsNamed(String parameters, String reason) {
        assertThatThrownBy(() -> Tool.of("lookup", "Looks up", parameters, arguments -> ""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("cannot use the tool lookup: " + reason);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            textBlock =
                    """
                    ^{$        ; {      ; a
                    ^[a&&b]$   ; &      ; c
                    ^[[a]$     ; [      ; b
                    ^[^]$      ; a      ; ab
                    ^\\\\u{41}$  ; A      ; u
                    ^(?=a)..$  ; ab     ; ba
                    ^a{2,3}$   ; aaa    ; aaaa
                    ^(a?){9}b$ ; aab    ; aa
                    """)
    void patternsAreThoseOfJavaScript(String pattern, String right, String wrong) {
        Tool tool =
                Tool.of(
                        "find",
                        "Finds",
                        """
                        {"properties": {"a": {"pattern": "%s"}}}"""
                                .formatted(pattern),
                        arguments -> "found");
        assertThat(tool.call("{\"a\": \"" + right + "\"}")).isEqualTo("found");
        assertThatThrownBy(() -> tool.call("{\"a\": \"" + wrong + "\"}"))
                .isInstanceOf(ToolException.class)
                .hasMessageContaining("does not match the regex pattern");
    }

    @Test
    void argumentsOfAnySizeAreReadOrRefused() {
        Tool tool =
                Tool.of(
                        "find",
                        "Finds",
                        """
                        {"properties": {
                          "text": {"type": "string", "pattern": "^((a|b)+)+$"},
                          "number": {"type": "integer", "multipleOf": 7},
                          "any": {}
                        }}""",
                        arguments -> "found");
        String text = "ab".repeat(20_000);
        assertThat(tool.call("{\"text\": \"" + text + "\"}")).isEqualTo("found");
        for (String wrong :
                List.of(
                        "{\"text\": \"" + text + "!\"}",
                        "{\"number\": 1e999999999}",
                        "{\"number\": " + "7".repeat(5000) + "}",
                        "{\"any\": " + "[".repeat(5000) + "]".repeat(5000) + "}")) {
            assertThatThrownBy(() -> tool.call(wrong))
                    .isInstanceOf(ToolException.class)
                    .hasMessageStartingWith("the arguments are wrong: ")
                    .hasMessageNotContainingAny("Exception", "Error", "StreamRead");
        }
    }

    /** Servers of tools send such schemas; each part of the value is described somewhere else. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "'anyOf': [{'required': ['a']}, {'required': ['b']}]",
                "'oneOf': [{'required': ['a']}, {'required': ['b']}]",
                "'allOf': [{'anyOf': [{'required': ['a']}, {'required': ['b']}]}]",
                "'$ref': '#/$defs/x', '$defs': {'x': {'oneOf': [{'required': ['a']}, {'required': ['b']}]}}",
                "'additionalProperties': false, 'anyOf': [{'required': ['a']}, {'required': ['b']}]",
                "'anyOf': [{'properties': {'a': {'minLength': 1}}, 'required': ['a']}, {'type': 'null'}, {'required': ['b']}]"
            })
    void aChoiceBesideTheParameters(String choice) throws IOException {
        String schema =
                "{'type': 'object', 'properties': {'a': {'type': 'string'}, 'b': {'type': 'integer'}}, "
                        + choice
                        + "}";
        Tool tool = Tool.of("t", "", schema.replace('\'', '"'), arguments -> "done");
        JsonNode parameters = tool.toJson().at("/function/parameters");
        assertThat(parameters.path("type").asText()).isEqualTo("object");
        assertThat(parameters.path("properties").properties())
                .extracting(Map.Entry::getKey)
                .containsExactly("a", "b");
        assertThat(parameters.path("required")).isEmpty();
        assertThat(parameters.path("anyOf"))
                .hasSize(2)
                .allSatisfy(branch -> assertThat(branch.path("properties")).hasSize(2));
        assertThat(tool.call("{\"a\": \"x\"}")).isEqualTo("done");
        assertThatThrownBy(() -> tool.call("{}")).isInstanceOf(ToolException.class);
        Chat chat =
                new Chat(
                        session,
                        ChatOptions.defaults()
                                .withTools(tool)
                                .withTemplate(
                                        ProbedTemplates.source(
                                                "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja")));
        chat.send("Hi", GREEDY.withMaxTokens(2).withToolChoice(ToolChoice.REQUIRED)).text();
    }

    /** With look-around it takes twice as long for each character, or much stack for many. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "^(?=(a+)+$)",
                "^(a+)+(?!x)b$",
                "^(?=(a|b|ab)*c)",
                "(a*)*(?=c)\\\\1b",
                "^(?!(a|aa)+$)"
            })
    void patternsEndSoon(String pattern) {
        Tool tool =
                Tool.of(
                        "t",
                        "",
                        """
                        {"properties": {"a": {"type": "string", "pattern": \""""
                                + pattern
                                + "\"}}}",
                        arguments -> "done");
        for (int length : new int[] {40, 5000, 1_000_000}) {
            String arguments = "{\"a\": \"" + "a".repeat(length) + "!\"}";
            assertTimeoutPreemptively(
                    Duration.ofSeconds(20),
                    () -> {
                        try {
                            tool.call(arguments);
                        } catch (ToolException e) {
                            assertThat(e).hasMessageStartingWith("the arguments are wrong: ");
                            assertThat(e.getMessage()).hasSizeLessThan(300);
                        }
                    });
        }
    }

    @Test
    void aToolGetsOnlyArgumentsOfItsSchema() throws Exception {
        List<String> seen = new ArrayList<>();
        Tool tool =
                Tool.of(
                        "sum",
                        "Adds",
                        """
                        {
                          "properties": {
                            "numbers": {
                              "type": "array",
                              "items": {"type": "integer", "multipleOf": 5},
                              "uniqueItems": true
                            },
                            "unit": {"type": "string", "pattern": "\\\\p{L}", "not": {"const": "m"}}
                          },
                          "required": ["numbers"]
                        }
                        """,
                        arguments -> {
                            seen.add(arguments);
                            return "done";
                        });
        for (String wrong :
                List.of(
                        "{\"numbers\": [5, 5]}",
                        "{\"numbers\": [7]}",
                        """
                        {"numbers": [5], "unit": "m"}""",
                        """
                        {"numbers": [5], "unit": "7"}""",
                        "{}",
                        "[]",
                        "null",
                        "{\"numbers\": [5]} and more",
                        "{\"numbers\": [5]")) {
            assertThatThrownBy(() -> tool.call(wrong))
                    .as(wrong)
                    .isInstanceOf(ToolException.class)
                    .hasMessageStartingWith("the arguments are wrong: ");
        }
        assertThat(seen).isEmpty();
        String right =
                """
                {"numbers": [5, 10], "unit": "kg"}""";
        assertThat(tool.call(right)).isEqualTo("done");
        assertThat(seen).containsExactly(right);
        Chat chat =
                new Chat(
                        session,
                        ChatOptions.defaults()
                                .withTools(tool)
                                .withTemplate(
                                        ProbedTemplates.source(
                                                "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use.jinja")));
        try (TokenStream answer = chat.send("Hi", GREEDY.withMaxTokens(5))) {
            answer.text();
            assertThat(model.tokenizer().decode(session.tokens(), true)).contains("\"sum\"");
        }
    }
}
