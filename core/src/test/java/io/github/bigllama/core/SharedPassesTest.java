package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Models;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sessions that are computed together say what each of them says alone. */
@Timeout(180)
class SharedPassesTest {
    private static final int SESSIONS = 8;
    private static final int TOKENS = 150;
    private static final SessionOptions ALONE =
            DemoModel.ONE_THREAD.withContextSize(1024).withSpeculation(Speculation.OFF);
    private static final SessionOptions TOGETHER =
            ALONE.withContextSize(SESSIONS * 1024).withSequences(SESSIONS);
    private static final String FRANCE = DemoModel.prompt("What is the capital of France?");
    private static final String ANSWER = "The capital of France is Paris.";

    @TempDir private static Path folder;
    private static LlamaModel model;
    private static SamplingOptions endless;
    private static GenerationOptions greedy;
    private static List<int[]> prompts;
    private static List<int[]> expected;

    @BeforeAll
    static void load() throws Exception {
        // The difference between kernels is smallest in this type.
        model = LlamaModel.load(DemoModel.PATH.resolveSibling("bigllama-demo-BF16.gguf"));
        endless =
                SamplingOptions.greedy()
                        .withLogitBias(
                                IntStream.range(0, model.vocabularySize())
                                        .filter(model.tokenizer()::isEndOfGeneration)
                                        .boxed()
                                        .collect(
                                                Collectors.toMap(
                                                        token -> token,
                                                        token -> Float.NEGATIVE_INFINITY)));
        greedy = GenerationOptions.defaults().withSampling(endless).withMaxTokens(TOKENS);
        int[] text =
                model.tokenizer()
                        .encode(
                                Files.readString(
                                        DemoModel.PATH.resolveSibling("conversation.txt")));
        Random random = new Random(5);
        prompts = new ArrayList<>();
        expected = new ArrayList<>();
        for (int i = 0; i < SESSIONS; i++) {
            int at = random.nextInt(text.length - 200);
            int[] prompt = Arrays.copyOfRange(text, at, at + 5 + 20 * i);
            prompts.add(prompt);
            expected.add(alone(prompt, greedy));
        }
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static int[] alone(int[] prompt, GenerationOptions options) {
        try (LlamaSession session = model.newSession(ALONE)) {
            return tokens(session, prompt, options);
        }
    }

    private static int[] tokens(LlamaSession session, int[] prompt, GenerationOptions options) {
        try (TokenStream answer = session.generate(prompt, options)) {
            answer.text();
            return answer.tokens();
        }
    }

    /** Sessions that share a context. */
    private record Sessions(List<LlamaSession> all) implements AutoCloseable {
        LlamaSession get(int index) {
            return all.get(index);
        }

        @Override
        public void close() {
            all.forEach(LlamaSession::close);
        }
    }

    private static Sessions open(int count, SessionOptions options) {
        return new Sessions(
                IntStream.range(0, count).mapToObj(i -> model.newSession(options)).toList());
    }

    private static ExecutorService threads(boolean virtual) {
        return virtual
                ? Executors.newVirtualThreadPerTaskExecutor()
                : Executors.newCachedThreadPool();
    }

    /**
     * Asserts that tokens are those of a session alone. Kernels for one token and for several add
     * up in another order, so where two tokens are as good as equally likely, the other one may be
     * chosen, and the text goes on differently.
     */
    private static void assertSame(int conversation, int[] tokens) {
        int[] alone = expected.get(conversation);
        int end = Math.min(tokens.length, alone.length);
        int at = Arrays.mismatch(tokens, 0, end, alone, 0, end);
        if (at < 0) {
            return;
        }
        int[] before = prompts.get(conversation);
        int[] text = Arrays.copyOf(before, before.length + at);
        System.arraycopy(alone, 0, text, before.length, at);
        try (LlamaSession session = model.newSession(ALONE)) {
            session.decode(text);
            MemorySegment logits = session.logits();
            assertThat(logits.getAtIndex(ValueLayout.JAVA_FLOAT, tokens[at]))
                    .as("token %d of conversation %d".formatted(at, conversation))
                    .isCloseTo(logits.getAtIndex(ValueLayout.JAVA_FLOAT, alone[at]), within(0.1f));
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void eightConversationsSayWhatEachSaysAlone(boolean virtual) throws Exception {
        try (Sessions sessions = open(SESSIONS, TOGETHER);
                ExecutorService threads = threads(virtual)) {
            List<Callable<int[]>> answers = new ArrayList<>();
            for (int i = 0; i < SESSIONS; i++) {
                int conversation = i;
                answers.add(
                        () -> {
                            LlamaSession session = sessions.get(conversation);
                            int[] first = tokens(session, prompts.get(conversation), greedy);
                            session.reset();
                            int[] second = tokens(session, prompts.get(conversation), greedy);
                            assertSame(conversation, second);
                            return first;
                        });
            }
            List<Future<int[]>> results = threads.invokeAll(answers);
            for (int i = 0; i < SESSIONS; i++) {
                assertThat(results.get(i).get()).hasSize(TOKENS);
                assertSame(i, results.get(i).get());
            }
        }
    }

    /** Sessions come and go, are cancelled, interrupted, closed by others, and are too late. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatOthersDoChangesNothing(boolean virtual) throws Exception {
        AtomicInteger stopped = new AtomicInteger();
        try (ExecutorService threads = threads(virtual)) {
            List<Future<?>> all = new ArrayList<>();
            for (int i = 0; i < SESSIONS; i++) {
                int conversation = i;
                all.add(
                        threads.submit(
                                () -> {
                                    Random random = new Random(conversation);
                                    for (int round = 0; round < 6; round++) {
                                        try (LlamaSession session = model.newSession(TOGETHER)) {
                                            Thread.sleep(random.nextInt(20));
                                            if (conversation % 2 == 0) {
                                                assertSame(
                                                        conversation,
                                                        tokens(
                                                                session,
                                                                prompts.get(conversation),
                                                                greedy));
                                            } else {
                                                stopped.addAndGet(
                                                        stop(session, conversation, round));
                                            }
                                        }
                                    }
                                    return null;
                                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
        }
        assertThat(stopped).hasPositiveValue();
    }

    /** Ends an answer in the middle; then the session goes on as if it had never begun. */
    private static int stop(LlamaSession session, int conversation, int way) throws Exception {
        GenerationOptions options = way == 0 ? greedy.withTimeout(Duration.ofMillis(15)) : greedy;
        TokenStream answer = session.generate(prompts.get(conversation), options);
        Thread reader = Thread.currentThread();
        Thread other =
                Thread.ofVirtual()
                        .start(
                                () -> {
                                    try {
                                        Thread.sleep(5 + 5L * way);
                                    } catch (InterruptedException e) {
                                        throw new AssertionError(e);
                                    }
                                    switch (way % 4) {
                                        case 1 -> answer.cancel();
                                        case 2 -> reader.interrupt();
                                        case 3 -> answer.close();
                                        default -> {}
                                    }
                                });
        answer.forEachRemaining(piece -> {});
        while (other.isAlive()) {
            try {
                other.join();
            } catch (InterruptedException e) {
                // As intended.
            }
        }
        Thread.interrupted();
        answer.close();
        assertSame(conversation, answer.tokens());
        assertSame(conversation, tokens(session, prompts.get(conversation), greedy));
        return answer.stopReason().orElseThrow() == StopReason.MAX_TOKENS ? 0 : 1;
    }

    @Test
    void aPassComputesTokensOfAll() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        try (Sessions sessions = open(SESSIONS, TOGETHER);
                ExecutorService threads = threads(true)) {
            List<Future<?>> all = new ArrayList<>();
            for (LlamaSession session : sessions.all()) {
                all.add(
                        threads.submit(
                                () -> {
                                    for (int i = 0; i < 100; i++) {
                                        most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                                        session.decode(300 + i);
                                        inside.decrementAndGet();
                                    }
                                }));
            }
            for (Future<?> one : all) {
                one.get();
            }
            float[] logits = sessions.get(0).logits().toArray(ValueLayout.JAVA_FLOAT);
            for (LlamaSession session : sessions.all()) {
                assertThat(session.contextUsed()).isEqualTo(100);
                assertThat(session.logits().toArray(ValueLayout.JAVA_FLOAT))
                        .usingComparatorWithPrecision(0.1f)
                        .containsExactly(logits);
            }
        }
        assertThat(most.get()).isGreaterThan(SESSIONS / 2);
    }

    @Test
    void aLongPromptDoesNotHoldUpTheOthers() throws Exception {
        try (LlamaModel slow = LlamaModel.load(Models.dense(folder))) {
            SessionOptions options = DemoModel.ONE_THREAD.withContextSize(4096).withSequences(2);
            int[] prompt = new Random(3).ints(1500, 300, 800).toArray();
            AtomicInteger pieces = new AtomicInteger();
            try (LlamaSession quick = slow.newSession(options);
                    LlamaSession patient = slow.newSession(options);
                    ExecutorService threads = threads(true)) {
                TokenStream answer = quick.generate(new int[] {300}, greedy.withMaxTokens(100_000));
                for (int i = 0; i < 3; i++) {
                    answer.next();
                }
                CountDownLatch begun = new CountDownLatch(1);
                Future<float[]> logits =
                        threads.submit(
                                () -> {
                                    TokenStream one =
                                            patient.generate(
                                                    prompt,
                                                    greedy.withMaxTokens(0)
                                                            .withProgress(
                                                                    (done, total) -> {
                                                                        pieces.incrementAndGet();
                                                                        begun.countDown();
                                                                    }));
                                    one.text();
                                    return patient.logits().toArray(ValueLayout.JAVA_FLOAT);
                                });
                begun.await();
                int meanwhile = 0;
                while (!logits.isDone()) {
                    answer.next();
                    meanwhile++;
                }
                answer.close();
                assertThat(meanwhile).isGreaterThan(5);
                assertThat(pieces.get()).isGreaterThan(5);
                assertThat(patient.contextUsed()).isEqualTo(prompt.length);
                try (LlamaSession alone = slow.newSession(options.withSequences(1))) {
                    alone.decode(prompt);
                    assertThat(logits.get())
                            .usingComparatorWithPrecision(0.05f)
                            .containsExactly(alone.logits().toArray(ValueLayout.JAVA_FLOAT));
                }
            }
        }
    }

    @Test
    void aSlowReaderHoldsUpNobody() {
        try (LlamaSession slow = model.newSession(TOGETHER);
                LlamaSession quick = model.newSession(TOGETHER);
                TokenStream unread = slow.generate(prompts.get(1), greedy)) {
            unread.next();
            assertSame(0, tokens(quick, prompts.get(0), greedy));
            unread.text();
            assertSame(1, unread.tokens());
        }
    }

    @Test
    void aSessionStillBelongsToOneThread() throws Exception {
        try (LlamaSession one = model.newSession(TOGETHER);
                LlamaSession other = model.newSession(TOGETHER);
                ExecutorService threads = threads(false)) {
            assertThat(one).isNotSameAs(other);
            List<Future<?>> intruders = new ArrayList<>();
            GenerationOptions options =
                    GenerationOptions.greedy()
                            .withProgress(
                                    (done, total) -> {
                                        if (done > 0) {
                                            return;
                                        }
                                        intruders.add(threads.submit(one::reset));
                                        intruders.add(threads.submit(other::reset));
                                        try {
                                            threads.shutdown();
                                            threads.awaitTermination(10, TimeUnit.SECONDS);
                                        } catch (InterruptedException e) {
                                            throw new AssertionError(e);
                                        }
                                    });
            assertThat(one.generate(FRANCE, options).text()).isEqualTo(ANSWER);
            assertThatThrownBy(() -> intruders.getFirst().get())
                    .hasCauseInstanceOf(WrongThreadException.class);
            intruders.getLast().get();
        }
    }

    @Test
    void thereAreAsManySessionsAsSequences() {
        SessionOptions two = TOGETHER.withSequences(2);
        LlamaSession one = model.newSession(two);
        try (LlamaSession other = model.newSession(two)) {
            assertThat(one.contextSize()).isEqualTo(other.contextSize());
            assertThatThrownBy(() -> model.newSession(two))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("2 sequences, all in use")
                    .hasMessageContaining("withSequences");
            try (LlamaSession elsewhere = model.newSession(two.withContextSize(512))) {
                assertThat(elsewhere.contextSize()).isEqualTo(512);
            }
            one.close();
            one = model.newSession(two);
            assertThat(one.contextUsed()).isZero();
            assertThat(one.generate(FRANCE, GenerationOptions.greedy()).text()).isEqualTo(ANSWER);
        } finally {
            one.close();
        }
        // The context has been closed with its last session.
        try (LlamaSession again = model.newSession(two)) {
            assertThat(again.generate(FRANCE, GenerationOptions.greedy()).text()).isEqualTo(ANSWER);
        }
    }

    @Test
    void whoFillsTheContextEndsAloneAndOthersGoOn() throws Exception {
        SessionOptions small = ALONE.withContextSize(512).withSequences(4);
        try (Sessions sessions = open(4, small);
                ExecutorService threads = threads(true)) {
            List<Future<StopReason>> reasons = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int conversation = i;
                GenerationOptions options =
                        greedy.withMaxTokens(i == 3 ? 100_000 : 60)
                                .withContextFull(i == 2 ? ContextFull.SHIFT : ContextFull.STOP);
                reasons.add(
                        threads.submit(
                                () -> {
                                    try (TokenStream answer =
                                            sessions.get(conversation)
                                                    .generate(prompts.get(conversation), options)) {
                                        answer.text();
                                        assertSame(conversation, answer.tokens());
                                        return answer.stopReason().orElseThrow();
                                    }
                                }));
            }
            for (int i = 0; i < 3; i++) {
                assertThat(reasons.get(i).get()).isEqualTo(StopReason.MAX_TOKENS);
            }
            assertThat(reasons.get(3).get()).isEqualTo(StopReason.CONTEXT_FULL);
            assertThatExceptionOfType(DecodeException.class)
                    .isThrownBy(() -> sessions.get(0).decode(300, 301, 302, 303))
                    .withMessageContaining("no room in the KV cache")
                    .withMessageContaining("one of 4 sequences");
            sessions.get(3).reset();
            sessions.get(0).decode(300, 301, 302, 303);
        }
    }

    @Test
    void grammarsChancesAndGuessesAreThoseOfEach() throws Exception {
        GenerationOptions json =
                GenerationOptions.greedy()
                        .withGrammar(Grammar.gbnf("root ::= \"{\\\"a\\\": \" [0-9]+ \"}\""))
                        .withMaxTokens(30);
        GenerationOptions chance =
                GenerationOptions.defaults()
                        .withSampling(SamplingOptions.defaults().withSeed(11))
                        .withMaxTokens(60);
        List<GenerationOptions> options = List.of(json, chance, greedy, greedy);
        List<int[]> alone =
                IntStream.range(0, 4).mapToObj(i -> alone(prompts.get(i), options.get(i))).toList();
        try (Sessions sessions =
                        open(4, TOGETHER.withSpeculation(Speculation.NGRAM).withSequences(4));
                ExecutorService threads = threads(true)) {
            List<Future<int[]>> answers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int conversation = i;
                answers.add(
                        threads.submit(
                                () ->
                                        tokens(
                                                sessions.get(conversation),
                                                prompts.get(conversation),
                                                options.get(conversation))));
            }
            assertThat(answers.get(0).get()).isEqualTo(alone.get(0));
            assertThat(model.tokenizer().decode(answers.get(0).get())).startsWith("{\"a\": ");
            assertThat(answers.get(1).get()).startsWith(alone.get(1)[0], alone.get(1)[1]);
            assertSame(2, answers.get(2).get());
            assertSame(3, answers.get(3).get());
        }
    }

    @Test
    void anInterruptedThreadComputesNothing() {
        try (LlamaSession session = model.newSession(TOGETHER)) {
            Thread.currentThread().interrupt();
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> session.decode(300, 301));
            assertThat(Thread.interrupted()).isTrue();
            assertThat(session.contextUsed()).isZero();
            session.decode(300, 301);
            assertThat(session.contextUsed()).isEqualTo(2);
        } finally {
            Thread.interrupted();
        }
    }

    @Test
    void embeddingsAndLogitsOfSeveralTokensAreThoseOfEach() {
        SessionOptions options = ALONE.withEmbeddings(true).withOutputs(4);
        int[] text = {300, 301, 302, 303};
        try (LlamaSession alone = model.newSession(options);
                LlamaSession one = model.newSession(options.withSequences(2));
                LlamaSession two = model.newSession(options.withSequences(2))) {
            alone.decode(text, 1);
            one.decode(text, 1);
            MemorySegment view = one.logits(2);
            two.decode(400, 401);
            assertThat(view.toArray(ValueLayout.JAVA_FLOAT))
                    .isEqualTo(alone.logits(2).toArray(ValueLayout.JAVA_FLOAT));
            assertThat(one.embeddings().toArray(ValueLayout.JAVA_FLOAT))
                    .isEqualTo(alone.embeddings().toArray(ValueLayout.JAVA_FLOAT));
            assertThatThrownBy(() -> one.logits(0)).hasMessageContaining("nothing has been");
            one.decode(304);
            assertThatThrownBy(() -> view.getAtIndex(ValueLayout.JAVA_FLOAT, 0))
                    .isInstanceOf(IllegalStateException.class);
        }
    }
}
