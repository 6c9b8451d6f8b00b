package io.github.bigllama.core.structure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.Tokenizer;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.internal.engine.GrammarSampler;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.llama.NativeOwner;
import io.github.bigllama.internal.llama.Vocabulary;
import io.github.bigllama.testing.DemoModel;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Grammars that llama.cpp would end the process on, take all memory for, or never finish with. */
class GrammarTest {
    private static LlamaModel model;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\0',
            value = {
                "root ::= \"a\"{2,1}|{2,1} has a maximum below its minimum",
                "root ::= \"a\"{2001}|beyond 2000 times",
                "root ::= \"a\"{0,2001}|beyond 2000 times",
                "root ::= \"a\"{99999999999999999999999}|beyond 2000 times",
                "root ::= [z-a]|rule root: the range [z-a] has no characters",
                "root ::= \"b\" [a-c-\\x01-\\x00]|has no characters",
                "root ::= []|[] has no characters",
                "root ::= [^]|[^] has no characters",
                "root ::= ((\"a\"{2000}){2000}){2000}|exceeds sane defaults",
                "root ::= root \"a\"|rule root begins with itself",
                "root ::= a root \"z\" ¶a ::= b¶b ::= \"\" |rule root begins with itself",
                "root ::= nosuch|there is no rule nosuch",
                "start ::= \"a\"|it has no rule root",
                "root = \"a\"|expecting ::=",
                "root ::= \"a|a string has no end",
                "root ::= \"\\q\"|unknown escape",
                "root ::= [a|a [ has no ]",
                "root ::= (\"a\"|expecting ')'",
                "root ::= \"a\" )|expecting newline or end",
                "root ::= <[4294967297]>|<[4294967297]> can't be a token: ids are at most",
                "root ::= [^\\x00-\\U0010FFFF]|a [^ ] excludes all characters",
                "root ::= [^\\x00-\\uD7FF\\uE000-\\U0010FFFF]|a [^ ] excludes all characters",
                "root ::= \"a\" [\\U00110000]|there is no character \\U00110000",
                "root ::= \"\\uD800\"|there is no character \\U0000D800"
            })
    void aGrammarThatCanNotBeUsedIsRefusedWithTheReason(String gbnf, String reason) {
        assertTimeoutPreemptively(
                Duration.ofSeconds(20),
                () ->
                        assertThatThrownBy(() -> Grammar.gbnf(gbnf.replace('¶', '\n')))
                                .isInstanceOf(IllegalArgumentException.class)
                                .hasMessageStartingWith("cannot use the grammar: ")
                                .hasMessageContaining(reason)
                                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\n")));
    }

    /** llama.cpp takes any number, and then no token ever comes. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '\0',
            value = {
                "root ::= <[99999999]>|<[99999999]> is no token of the model: its ids are 0 to 1023",
                "root ::= \"a\" !<[1024]>*|<[1024]> is no token of the model",
                "root ::= \"a\"? <nosuch word>|<nosuch word> is no token of the model; write a text in quotes",
                "root ::= [\"] x¶x ::= <>|<> is no token of the model"
            })
    void tokensThatTheModelDoesNotHaveAreNamed(String gbnf, String reason) {
        Grammar grammar = Grammar.gbnf(gbnf.replace('¶', '\n'));
        assertThatThrownBy(() -> answer(grammar))
                .isInstanceOf(GrammarException.class)
                .hasMessageStartingWith("cannot use the grammar: " + reason);
    }

    @Test
    void whatOnlyLooksLikeATokenIsText() {
        for (String gbnf :
                List.of(
                        "root ::= \"<nosuch>\" # <comment>",
                        "root ::= \"\\\"<nosuch>\"",
                        "root ::= [<] \"\\\\\" [\\]<>]",
                        "root ::= !<|im_end|> <[7]>?")) {
            assertThat(answer(Grammar.gbnf(gbnf))).isNotEmpty();
        }
    }

    private static String answer(Grammar grammar) {
        GenerationOptions options =
                GenerationOptions.greedy().withGrammar(grammar).withMaxTokens(3);
        try (LlamaSession session = model.newSession(DemoModel.ONE_THREAD);
                TokenStream answer = session.generate("Hi", options)) {
            return answer.text();
        }
    }

    @Test
    void deepAndLargeGrammarsAreRefused() {
        List<String> large =
                List.of(
                        "root ::= [\"] " + "(".repeat(3_000_000),
                        "root ::= \"" + "a".repeat(10_000) + "\"{2000}",
                        "root ::= " + "\"a\"".repeat(20_000_000 / 3));
        for (String gbnf : large) {
            assertTimeoutPreemptively(
                    Duration.ofSeconds(20),
                    () ->
                            assertThatThrownBy(() -> Grammar.gbnf(gbnf))
                                    .isInstanceOf(IllegalArgumentException.class));
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "root ::= BRACKETS",
                "# ( ( (\nroot ::= \"(\" [^)] \"[\" [\\]\\[(] \"\\\"(\"",
                "root ::= \"a\"{2000} | [a-z]{0,2000} | .{3,}",
                "root ::= a b? ; a ::= ",
                "root ::= \"\\x00\"",
                "root ::= !<[5]> <[7]>*",
                "root ::= <think> \"a\""
            })
    void otherGrammarsAreNot(String gbnf) {
        String source =
                gbnf.replace("BRACKETS", "[(] ".repeat(200))
                        .replace(" ; a ::= ", "\na ::= \"x\"\nb ::= | a\n");
        assertThat(Grammar.gbnf(source).gbnf()).isEqualTo(source);
    }

    private static String answer(String gbnf, SamplingOptions sampling) {
        try (LlamaSession session = model.newSession(DemoModel.ONE_THREAD);
                TokenStream answer =
                        session.generate(
                                DemoModel.prompt("Who are you?"),
                                GenerationOptions.defaults()
                                        .withMaxTokens(40)
                                        .withSampling(sampling)
                                        .withGrammar(Grammar.gbnf(gbnf)))) {
            return answer.text();
        }
    }

    @Test
    void whereNoTokenCanFollowTheAnswerSaysSo() {
        int tilde = model.tokenizer().encode("~", false, false)[0];
        SamplingOptions greedy = SamplingOptions.defaults().withTemperature(0);
        for (SamplingOptions sampling :
                List.of(greedy, SamplingOptions.defaults(), greedy.withTemperature(2))) {
            assertThatThrownBy(
                            () ->
                                    answer(
                                            "root ::= \"~\"",
                                            sampling.withLogitBias(
                                                    Map.of(tilde, Float.NEGATIVE_INFINITY))))
                    .isInstanceOf(GrammarException.class)
                    .hasMessageContaining("after 0 tokens")
                    .hasMessageContaining("logit bias");
            assertThatThrownBy(() -> answer("root ::= \"\\x00\"", sampling))
                    .isInstanceOf(GrammarException.class)
                    .hasMessageContaining("the grammar allows no token of the vocabulary");
        }
        assertThat(answer("root ::= \"~\"", greedy)).isEqualTo("~");
    }

    @Test
    void aGrammarThatCanBeReadInEverMoreWaysEnds() {
        String gbnf = "root ::= a\na ::= \"x\" a \"y\" | \"x\" a \"z\" | \"w\"";
        SamplingOptions many =
                SamplingOptions.defaults()
                        .withTemperature(0)
                        .withLogitBias(
                                Map.of(model.tokenizer().encode("x", false, false)[0], 100f));
        assertTimeoutPreemptively(
                Duration.ofSeconds(60),
                () ->
                        assertThatThrownBy(() -> answer(gbnf, many))
                                .isInstanceOf(GrammarException.class)
                                .hasMessageContaining("it can be read in too many ways"));
    }

    /** Continues with texts, and returns which of some others are allowed next. */
    private static List<Boolean> after(String triggers, String said, String... next) {
        Grammar grammar = Grammar.lazy("root ::= \"<call>\" [0-9] \"</call>\"", triggers);
        Tokenizer tokenizer = model.tokenizer();
        Vocabulary vocabulary =
                new Vocabulary(new NativeHandle("model", NativeOwner.pointerOf(model), p -> {}));
        try (GrammarSampler sampler = new GrammarSampler(vocabulary, grammar, Set.of())) {
            for (int token : tokenizer.encode(said, false, false)) {
                sampler.accept(token);
            }
            return List.of(next).stream()
                    .map(text -> sampler.allows(tokenizer.encode(text, false, false)[0]))
                    .toList();
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "[{\"type\":1,\"value\":\"<call>\",\"token\":0}]",
                "[{\"type\":2,\"value\":\"<call>\",\"token\":0}]",
                "[{\"type\":2,\"value\":\"(?:^|[^x])(<call>)\",\"token\":0}]",
                "[{\"type\":3,\"value\":\"[^<]*(<call>)[^]*\",\"token\":0}]"
            })
    void aTriggerBeginsAGrammar(String triggers) {
        assertThat(after(triggers, "I say <call", "z", "7")).containsExactly(true, true);
        assertThat(after(triggers, "I say <call>7", "z", "7", "<"))
                .containsExactly(false, false, true);
    }

    @Test
    void whatOnlyLooksLikeATriggerIsText() {
        String triggers = "[{\"type\":1,\"value\":\"<call>\",\"token\":0}]";
        assertThat(after(triggers, "The tag <call> begins", "z", "7")).containsExactly(true, true);
        assertThat(after(triggers, "The tag <call>, as in <call>7", "z", "<"))
                .containsExactly(false, true);
        assertThat(after(triggers, "<call><call>7", "z", "<")).containsExactly(false, true);
    }

    /** Java would write a question mark in its place. */
    @Test
    void halfOfASurrogatePairIsNoCharacter() {
        assertThatThrownBy(() -> Grammar.gbnf("root ::= \"a\ud800\""))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("half of a surrogate pair at index 11");
    }
}
