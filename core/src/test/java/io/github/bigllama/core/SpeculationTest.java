package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.testing.DemoModel;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Guesses change how fast an answer comes, and nothing of what it says. */
class SpeculationTest {
    private static final String REPEATS = "one two three four five six seven eight nine ten ";
    private static final SessionOptions OPTIONS =
            SessionOptions.defaults().withContextSize(1024).withThreads(1, 1);
    private static final GenerationOptions GREEDY = GenerationOptions.greedy().withMaxTokens(200);

    private static LlamaModel model;

    @TempDir private Path folder;

    @BeforeAll
    static void load() {
        model = LlamaModel.load(DemoModel.PATH);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static LlamaSession open(Speculation speculation) {
        return model.newSession(OPTIONS.withSpeculation(speculation));
    }

    private static int[] tokens(LlamaSession session, String prompt, GenerationOptions options) {
        try (TokenStream answer = session.generate(prompt, options)) {
            answer.text();
            return answer.tokens();
        }
    }

    private static int[] tokens(Speculation speculation, String prompt, GenerationOptions options) {
        try (LlamaSession session = open(speculation)) {
            return tokens(session, prompt, options);
        }
    }

    private static void assertSame(String prompt, GenerationOptions options) {
        assertThat(tokens(Speculation.NGRAM, prompt, options))
                .isNotEmpty()
                .isEqualTo(tokens(Speculation.OFF, prompt, options));
    }

    @Test
    void aModelThatFitsIntoRamHasNobodyWhoGuesses() {
        try (LlamaSession session = model.newSession(OPTIONS);
                TokenStream answer = session.generate(REPEATS, GREEDY)) {
            answer.text();
            assertThat(session.options().speculation()).isEqualTo(Speculation.OFF);
            assertThat(answer.stats().speculation()).isEmpty();
        }
    }

    @Test
    void whatRepeatsIsGuessed() {
        int[] expected = tokens(Speculation.OFF, REPEATS.repeat(4), GREEDY);
        try (LlamaSession session = open(Speculation.NGRAM);
                TokenStream answer = session.generate(REPEATS.repeat(4), GREEDY)) {
            answer.text();
            assertThat(answer.tokens()).isEqualTo(expected);
            SpeculationStats stats = answer.stats().speculation().orElseThrow();
            assertThat(stats.accepted()).isPositive();
            assertThat(stats.drafted()).isGreaterThanOrEqualTo(stats.accepted());
            assertThat(stats.passes() + stats.accepted()).isEqualTo(answer.stats().decodedTokens());
            assertThat(stats.tokensPerPass()).isGreaterThan(1);
            assertThat(session.tokens()).endsWith(expected[expected.length - 2]);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 17, 100})
    void endsWhereItIsToEnd(int maxTokens) {
        try (LlamaSession plain = open(Speculation.OFF);
                LlamaSession guessing = open(Speculation.NGRAM)) {
            GenerationOptions options = GREEDY.withMaxTokens(maxTokens);
            int[] expected = tokens(plain, REPEATS.repeat(4), options);
            assertThat(tokens(guessing, REPEATS.repeat(4), options)).isEqualTo(expected);
            assertThat(guessing.tokens()).isEqualTo(plain.tokens());
            assertThat(guessing.contextUsed()).isEqualTo(plain.contextUsed());
        }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void chanceFallsTheSameWay(long seed) {
        SamplingOptions sampling =
                SamplingOptions.defaults()
                        .withSeed((int) seed)
                        .withTemperature(1)
                        .withPenalties(new SamplingOptions.Penalties(64, 1.1f, 0, 0));
        assertSame(REPEATS.repeat(4), GREEDY.withSampling(sampling));
    }

    @Test
    void aGrammarHolds() {
        Grammar grammar = Grammar.gbnf("root ::= (\"one two three four \" | \"five \")+");
        assertSame(REPEATS.repeat(4), GREEDY.withGrammar(grammar));
    }

    @Test
    void aStopTextStops() {
        assertSame(REPEATS.repeat(4), GREEDY.withStopStrings("six"));
    }

    @Test
    void whatIsAskedNextKnowsNothingOfWrongGuesses() {
        try (LlamaSession plain = open(Speculation.OFF);
                LlamaSession guessing = open(Speculation.NGRAM)) {
            String prompt = REPEATS.repeat(3);
            for (int turn = 0; turn < 5; turn++) {
                GenerationOptions options = GREEDY.withMaxTokens(20 + turn);
                int[] expected = tokens(plain, prompt, options);
                assertThat(tokens(guessing, prompt, options)).isEqualTo(expected);
                prompt += model.tokenizer().decode(expected) + " seven eight nine";
            }
        }
    }

    @Test
    void aCancelledAnswerLeavesWhatWasSaid() {
        try (LlamaSession guessing = open(Speculation.NGRAM)) {
            int[] said;
            try (TokenStream answer = guessing.generate(REPEATS.repeat(4), GREEDY)) {
                for (int i = 0; i < 30; i++) {
                    answer.next();
                }
                answer.cancel();
                said = answer.tokens();
            }
            int[] known = guessing.tokens();
            assertThat(known).endsWith(said[said.length - 2]);
            float expected = firstLogit(known, said[said.length - 1]);
            guessing.decode(said[said.length - 1]);
            assertThat(guessing.logits().get(ValueLayout.JAVA_FLOAT, 0)).isEqualTo(expected);
        }
    }

    private static float firstLogit(int[] known, int next) {
        try (LlamaSession session = open(Speculation.OFF)) {
            session.decode(known);
            session.decode(next);
            return session.logits().get(ValueLayout.JAVA_FLOAT, 0);
        }
    }

    @Test
    void aForkAndASavedSessionHaveNoGuesses() {
        SessionOptions options = OPTIONS.withSequences(2).withSpeculation(Speculation.NGRAM);
        Path file = folder.resolve("session");
        try (LlamaSession session = model.newSession(options);
                LlamaSession plain = open(Speculation.OFF)) {
            try (TokenStream answer = session.generate(REPEATS.repeat(4), GREEDY)) {
                for (int i = 0; i < 30; i++) {
                    answer.next();
                }
            }
            session.save(file);
            int[] known = session.tokens();
            String text = model.tokenizer().decode(known);
            try (LlamaSession fork = session.fork()) {
                assertThat(fork.tokens()).isEqualTo(known);
                assertThat(tokens(fork, text, GREEDY)).isEqualTo(tokens(plain, text, GREEDY));
            }
            session.reset();
            session.restore(file);
            assertThat(session.tokens()).isEqualTo(known);
            assertThat(tokens(session, text, GREEDY)).isEqualTo(tokens(plain, text, GREEDY));
        }
    }

    @Test
    void aFullContextMakesRoom() {
        GenerationOptions options =
                GREEDY.withMaxTokens(400).withContextFull(ContextFull.SHIFT).withKeep(8);
        SessionOptions small = OPTIONS.withContextSize(256);
        int[] expected;
        try (LlamaSession plain = model.newSession(small.withSpeculation(Speculation.OFF))) {
            expected = tokens(plain, REPEATS.repeat(4), options);
        }
        try (LlamaSession guessing = model.newSession(small.withSpeculation(Speculation.NGRAM))) {
            assertThat(tokens(guessing, REPEATS.repeat(4), options)).isEqualTo(expected);
        }
    }
}
