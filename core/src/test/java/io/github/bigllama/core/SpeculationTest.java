package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Endless;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
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

    private static LlamaModel model;
    private static SamplingOptions endless;
    private static GenerationOptions greedy;

    @TempDir private Path folder;

    @BeforeAll
    static void load() {
        model = LlamaModel.load(DemoModel.PATH);
        endless = SamplingOptions.greedy().withLogitBias(Endless.logitBias(model));
        greedy = GenerationOptions.defaults().withSampling(endless).withMaxTokens(200);
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
                TokenStream answer = session.generate(REPEATS, greedy)) {
            answer.text();
            assertThat(session.options().speculation()).isEqualTo(Speculation.OFF);
            assertThat(answer.stats().speculation()).isEmpty();
        }
    }

    @Test
    void whatRepeatsIsGuessed() {
        int[] expected = tokens(Speculation.OFF, REPEATS.repeat(4), greedy);
        try (LlamaSession session = open(Speculation.NGRAM);
                TokenStream answer = session.generate(REPEATS.repeat(4), greedy)) {
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
            GenerationOptions options = greedy.withMaxTokens(maxTokens);
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
                endless.withSeed((int) seed)
                        .withTemperature(1)
                        .withPenalties(new SamplingOptions.Penalties(64, 1.1f, 0, 0));
        assertSame(REPEATS.repeat(4), greedy.withSampling(sampling));
    }

    @Test
    void aGrammarHolds() {
        Grammar grammar = Grammar.gbnf("root ::= (\"one two three four \" | \"five \")+");
        assertSame(REPEATS.repeat(4), greedy.withGrammar(grammar));
    }

    @Test
    void aStopTextStops() {
        assertSame(REPEATS.repeat(4), greedy.withStopStrings("six"));
    }

    @Test
    void whatIsAskedNextKnowsNothingOfWrongGuesses() {
        try (LlamaSession plain = open(Speculation.OFF);
                LlamaSession guessing = open(Speculation.NGRAM)) {
            String prompt = REPEATS.repeat(3);
            for (int turn = 0; turn < 5; turn++) {
                GenerationOptions options = greedy.withMaxTokens(20 + turn);
                int[] expected = tokens(plain, prompt, options);
                assertThat(tokens(guessing, prompt, options)).isEqualTo(expected);
                prompt += model.tokenizer().decode(expected) + " seven eight nine";
            }
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 5, 20, 29})
    void aCancelledAnswerLeavesWhatWasSaid(int pieces) {
        try (LlamaSession guessing = open(Speculation.NGRAM);
                LlamaSession plain = open(Speculation.OFF)) {
            float[] expected = logitsAfter(plain, pieces);
            assertThat(logitsAfter(guessing, pieces)).isEqualTo(expected);
            assertThat(guessing.tokens()).isEqualTo(plain.tokens());
        }
    }

    /** What follows an answer that was cancelled after some of its text. */
    private static float[] logitsAfter(LlamaSession session, int pieces) {
        try (TokenStream answer = session.generate(REPEATS.repeat(4), greedy)) {
            for (int i = 0; i < pieces; i++) {
                answer.next();
            }
        }
        session.decode(3);
        return session.logits().toArray(ValueLayout.JAVA_FLOAT);
    }

    @Test
    void logitsAreThoseOfTheLastTokenThatIsKnown() {
        try (LlamaSession guessing = open(Speculation.NGRAM);
                LlamaSession plain = open(Speculation.OFF)) {
            for (LlamaSession session : List.of(plain, guessing)) {
                tokens(session, REPEATS.repeat(4), greedy.withMaxTokens(33));
            }
            assertThat(guessing.logits().toArray(ValueLayout.JAVA_FLOAT))
                    .isEqualTo(plain.logits().toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    @Test
    void aForkAndASavedSessionHaveNoGuesses() {
        SessionOptions options = OPTIONS.withSequences(2).withSpeculation(Speculation.NGRAM);
        Path file = folder.resolve("session");
        try (LlamaSession session = model.newSession(options);
                LlamaSession plain = open(Speculation.OFF)) {
            try (TokenStream answer = session.generate(REPEATS.repeat(4), greedy)) {
                for (int i = 0; i < 30; i++) {
                    answer.next();
                }
            }
            session.save(file);
            int[] known = session.tokens();
            String text = model.tokenizer().decode(known);
            try (LlamaSession fork = session.fork()) {
                assertThat(fork.tokens()).isEqualTo(known);
                assertThat(tokens(fork, text, greedy)).isEqualTo(tokens(plain, text, greedy));
            }
            session.reset();
            session.restore(file);
            assertThat(session.tokens()).isEqualTo(known);
            assertThat(tokens(session, text, greedy)).isEqualTo(tokens(plain, text, greedy));
        }
    }

    @Test
    void aFullContextMakesRoom() {
        GenerationOptions options =
                greedy.withMaxTokens(400).withContextFull(ContextFull.SHIFT).withKeep(8);
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
