package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.testing.Architectures;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Endless;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Memories that can't forget a part: states of recurrent layers, and caches of layers with a
 * sliding window. Whatever was done before, an answer is that of a fresh session.
 */
class RecurrentSessionsTest {
    private static final List<String> RECURRENT =
            List.of("mamba", "rwkv7", "jamba", "qwen3next", "qwen35");
    private static final List<String> WINDOWED = List.of("gemma3");
    private static final int ANSWER = 12;

    /** The most that rounding makes of a difference between logits. */
    private static final double ROUNDING = 0.02;

    private static final SessionOptions OPTIONS =
            DemoModel.ONE_THREAD.withContextSize(1024).withBatchSizes(128, 64);

    @TempDir private static Path folder;
    private static final Map<String, LlamaModel> MODELS = new HashMap<>();

    @BeforeAll
    static void load() throws IOException {
        for (String name : architectures().toList()) {
            Path file = Architectures.write(folder, name);
            MODELS.put(name, LlamaModel.load(file, ModelOptions.defaults().withMtp(true)));
        }
    }

    @AfterAll
    static void close() {
        MODELS.values().forEach(LlamaModel::close);
    }

    static Stream<String> architectures() {
        return Stream.concat(RECURRENT.stream(), WINDOWED.stream());
    }

    /** A model drafts by its own layers if it has such: then its state goes back, too. */
    private static SessionOptions of(LlamaModel model) {
        return model.supportsMtp() ? OPTIONS.withSpeculation(Speculation.MTP) : OPTIONS;
    }

    private static GenerationOptions options(LlamaModel model) {
        return GenerationOptions.defaults()
                .withSampling(
                        SamplingOptions.defaults()
                                .withTemperature(1)
                                .withSeed(5)
                                .withLogitBias(Endless.logitBias(model)))
                .withMaxTokens(ANSWER);
    }

    private static int[] text(int seed, int count) {
        return IntStream.range(0, count).map(i -> 20 + (i * 37 + seed * 101) % 500).toArray();
    }

    private static int[] join(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(Arrays::stream).toArray();
    }

    private static int[] answer(LlamaSession session, int... prompt) {
        try (TokenStream stream = session.generate(prompt, options(session.model()))) {
            stream.text();
            return stream.tokens();
        }
    }

    private static int[] fresh(LlamaModel model, int... prompt) {
        try (LlamaSession session = model.newSession(of(model))) {
            return answer(session, prompt);
        }
    }

    private static float[] logits(LlamaSession session) {
        return session.logits().toArray(ValueLayout.JAVA_FLOAT);
    }

    /** Has a session answer a prompt of which it knows nothing, as a fresh one does. */
    private static void assertAnswersAsFresh(LlamaSession session, int... prompt) {
        assertThat(answer(session, prompt)).isEqualTo(fresh(session.model(), prompt));
        assertHolds(session, prompt);
    }

    /**
     * Has a session answer a prompt of which it knows a part, with the state of a fresh one that
     * has the same tokens. The tokens of two answers may differ then: where many are equally
     * likely, rounding decides.
     */
    private static void assertAnswers(LlamaSession session, int... prompt) {
        assertThat(answer(session, prompt)).hasSize(ANSWER);
        assertHolds(session, prompt);
    }

    private static void assertHolds(LlamaSession session, int... prompt) {
        int[] held = session.tokens();
        assertThat(held).startsWith(prompt).hasSizeGreaterThanOrEqualTo(prompt.length + ANSWER - 1);
        int[] more = {77};
        session.decode(more);
        assertThat(difference(logits(session), after(session.model(), join(held, more))))
                .isLessThan(ROUNDING);
    }

    /** Asserts that a session holds what a fresh one would after the same tokens. */
    private static void assertState(LlamaSession session, int... tokens) {
        assertThat(session.tokens()).isEqualTo(tokens);
        try (LlamaSession fresh = session.model().newSession(of(session.model()))) {
            fresh.decode(tokens);
            assertThat(difference(logits(session), logits(fresh))).isLessThan(ROUNDING);
        }
    }

    /**
     * The length of the difference, as a part of the length of the second vector: the kernels for
     * one token and for several round in other ways.
     */
    private static double difference(float[] actual, float[] expected) {
        double square = 0;
        double all = 0;
        for (int i = 0; i < expected.length; i++) {
            square += Math.pow(actual[i] - expected[i], 2);
            all += Math.pow(expected[i], 2);
        }
        return Math.sqrt(square / all);
    }

    /** Or the other tests would not see a wrong state. */
    @ParameterizedTest
    @MethodSource("architectures")
    void whatWasBeforeMatters(String name) {
        LlamaModel model = MODELS.get(name);
        int[] last = {77};
        for (int count : new int[] {20, 100, 300}) {
            float[] whole = after(model, join(text(1, count), last));
            assertThat(difference(after(model, join(text(2, count), last)), whole))
                    .isGreaterThan(10 * ROUNDING);
            // A state that is some tokens too old, and none at all.
            assertThat(difference(after(model, join(text(1, count - 5), last)), whole))
                    .isGreaterThan(2 * ROUNDING);
            assertThat(difference(after(model, last), whole)).isGreaterThan(10 * ROUNDING);
        }
    }

    private static float[] after(LlamaModel model, int... tokens) {
        try (LlamaSession session = model.newSession(of(model))) {
            session.decode(tokens);
            return logits(session);
        }
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void whatWasSaidIsTakenBack(String name) {
        LlamaModel model = MODELS.get(name);
        int[] prompt = text(1, 300);
        try (LlamaSession session = model.newSession(of(model))) {
            assertAnswersAsFresh(session, prompt);
            // Again, from an earlier place, and something else.
            assertAnswers(session, prompt);
            assertAnswers(session, join(Arrays.copyOf(prompt, 150), text(2, 20)));
            assertAnswersAsFresh(session, text(3, 90));
            // So few that a state which was kept for drafts may be there, or another one by now.
            for (int last = 1; last <= 3; last++) {
                int[] held = session.tokens();
                assertAnswers(session, join(Arrays.copyOf(held, held.length - last), text(6, 5)));
            }
            session.reset();
            session.decode(prompt);
            int kept = session.keep(100);
            session.decode(Arrays.copyOfRange(prompt, kept, 120));
            assertState(session, Arrays.copyOf(prompt, 120));
        }
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void aTextThatGoesOnIsNotComputedAgain(String name) {
        LlamaModel model = MODELS.get(name);
        int[] prompt = text(1, 100);
        try (LlamaSession session = model.newSession(of(model))) {
            answer(session, prompt);
            int[] held = session.tokens();
            int[] more = join(held, text(4, 30));
            try (TokenStream stream = session.generate(more, options(model))) {
                stream.text();
                assertThat(stream.stats().cachedTokens()).isEqualTo(held.length);
            }
            assertHolds(session, more);
        }
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void aFullContextIsComputedAgain(String name) {
        LlamaModel model = MODELS.get(name);
        try (LlamaSession session = model.newSession(of(model).withContextSize(256))) {
            GenerationOptions shift =
                    options(model).withContextFull(ContextFull.SHIFT).withMaxTokens(20);
            try (TokenStream stream = session.generate(text(1, 250), shift)) {
                stream.text();
                assertThat(stream.stopReason()).contains(StopReason.MAX_TOKENS);
            }
            int[] held = session.tokens();
            assertThat(held.length).isLessThan(180);
            if (WINDOWED.contains(name)) {
                // Its keys are moved, and still know what was forgotten, as with any KV cache.
                return;
            }
            session.decode(40);
            assertState(session, join(held, new int[] {40}));
            // The prompt without its middle, as a chat writes that forgets messages.
            int[] whole = session.tokens();
            int[] shorter =
                    join(
                            Arrays.copyOf(whole, 10),
                            Arrays.copyOfRange(whole, 40, whole.length),
                            text(2, 5));
            try (TokenStream stream = session.generate(shorter, shift.withMaxTokens(ANSWER))) {
                stream.text();
            }
            assertHolds(session, shorter);
        }
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void forksGoTheirOwnWays(String name) {
        LlamaModel model = MODELS.get(name);
        int[] begin = text(1, 100);
        try (LlamaSession one = model.newSession(of(model).withSequences(3))) {
            one.decode(begin);
            try (LlamaSession two = one.fork();
                    LlamaSession three = two.fork()) {
                one.decode(text(2, 10));
                two.decode(text(3, 20));
                one.decode(77);
                three.decode(78);
                assertState(one, join(begin, text(2, 10), new int[] {77}));
                assertState(two, join(begin, text(3, 20)));
                two.reset();
                two.decode(text(4, 8));
                three.decode(79);
                assertState(three, join(begin, new int[] {78, 79}));
                assertState(two, text(4, 8));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void aFileRestoresTheState(String name) {
        LlamaModel model = MODELS.get(name);
        Path file = folder.resolve(name + ".session");
        int[] begin = text(1, 200);
        float[] expected;
        try (LlamaSession session = model.newSession(of(model))) {
            session.decode(begin);
            session.save(file);
            session.decode(text(2, 10));
            expected = logits(session);
        }
        try (LlamaSession session = model.newSession(of(model))) {
            session.decode(text(5, 30));
            session.restore(file);
            assertThat(session.tokens()).isEqualTo(begin);
            session.decode(text(2, 10));
            assertThat(logits(session)).isEqualTo(expected);
            assertAnswersAsFresh(session, text(3, 50));
        }
    }

    /** Wherever it ends, no state is used that some layers have, and others have not. */
    @ParameterizedTest
    @MethodSource("architectures")
    void anInterruptedComputationLeavesNoWrongState(String name) throws Exception {
        LlamaModel model = MODELS.get(name);
        int[] prompt = text(1, 900);
        SessionOptions large = of(model).withBatchSizes(900, 32);
        try (LlamaSession session = model.newSession(large)) {
            session.decode(text(9, 20));
            session.reset();
            session.decode(Arrays.copyOf(prompt, 40));
            Thread thread = Thread.currentThread();
            Thread.ofVirtual()
                    .start(
                            () -> {
                                try {
                                    Thread.sleep(60);
                                } catch (InterruptedException e) {
                                    // Then at once.
                                }
                                thread.interrupt();
                            });
            assertThatThrownBy(
                            () -> {
                                session.decode(Arrays.copyOfRange(prompt, 40, prompt.length));
                                Thread.sleep(10_000);
                            })
                    .isInstanceOfAny(CancellationException.class, InterruptedException.class);
            Thread.interrupted();
            int held = session.contextUsed();
            if (held == prompt.length) {
                return;
            }
            if (RECURRENT.contains(name)) {
                // 40 if it was interrupted before it began.
                assertThat(held).isIn(0, 40);
            }
            session.decode(Arrays.copyOfRange(prompt, held, held + 50));
            assertState(session, Arrays.copyOf(prompt, held + 50));
        }
    }

    @ParameterizedTest
    @MethodSource("architectures")
    void sessionsShareTheirPasses(String name) throws Exception {
        LlamaModel model = MODELS.get(name);
        List<LlamaSession> sessions = new ArrayList<>();
        List<Future<int[]>> answers = new ArrayList<>();
        try (ExecutorService threads = Executors.newCachedThreadPool()) {
            for (int i = 0; i < 3; i++) {
                LlamaSession session = model.newSession(of(model).withSequences(3));
                sessions.add(session);
                int[] prompt = text(i, 30 + 40 * i);
                answers.add(threads.submit(() -> answer(session, prompt)));
            }
            for (int i = 0; i < 3; i++) {
                // The rounding of kernels for several tokens may decide what is drawn.
                int[] said = join(text(i, 30 + 40 * i), answers.get(i).get());
                assertThat(said).hasSize(30 + 40 * i + ANSWER);
                LlamaSession session = sessions.get(i);
                session.decode(
                        Arrays.copyOfRange(
                                join(said, text(4, 5)), session.contextUsed(), said.length + 5));
                assertState(session, join(said, text(4, 5)));
            }
        } finally {
            sessions.forEach(LlamaSession::close);
        }
    }

    @Test
    void nothingIsGuessedWhereNothingCanBeTakenBack() {
        for (String name : RECURRENT) {
            try (LlamaSession session =
                            MODELS.get(name)
                                    .newSession(OPTIONS.withSpeculation(Speculation.NGRAM));
                    TokenStream answer = session.generate(text(1, 10), options(session.model()))) {
                answer.text();
                assertThat(answer.stats().speculation()).isEmpty();
                assertThat(session.options().speculation()).isEqualTo(Speculation.OFF);
            }
        }
    }
}
