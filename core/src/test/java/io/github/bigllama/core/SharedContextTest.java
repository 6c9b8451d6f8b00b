package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Models;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** What sessions of one context share: its room, its threads, and nothing else. */
@Timeout(180)
class SharedContextTest {
    @TempDir private static Path folder;
    private static Conversations all;

    @BeforeAll
    static void load() throws IOException {
        all = new Conversations();
    }

    @AfterAll
    static void close() {
        all.close();
    }

    @Test
    void aSessionStillBelongsToOneThread() throws Exception {
        try (LlamaSession one = all.model().newSession(Conversations.TOGETHER);
                LlamaSession other = all.model().newSession(Conversations.TOGETHER);
                ExecutorService threads = Conversations.threads(false)) {
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
            assertThat(one.generate(Conversations.FRANCE, options).text())
                    .isEqualTo(Conversations.ANSWER);
            assertThatThrownBy(() -> intruders.getFirst().get())
                    .hasCauseInstanceOf(WrongThreadException.class);
            intruders.getLast().get();
        }
    }

    @Test
    void thereAreAsManySessionsAsSequences() {
        SessionOptions two = Conversations.TOGETHER.withSequences(2);
        LlamaSession one = all.model().newSession(two);
        try (LlamaSession other = all.model().newSession(two)) {
            assertThat(one.contextSize()).isEqualTo(other.contextSize());
            assertThatThrownBy(() -> all.model().newSession(two))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("2 sequences, all in use")
                    .hasMessageContaining("withSequences");
            try (LlamaSession elsewhere = all.model().newSession(two.withContextSize(512))) {
                assertThat(elsewhere.contextSize()).isEqualTo(512);
            }
            one.close();
            one = all.model().newSession(two);
            assertThat(one.contextUsed()).isZero();
            assertThat(one.generate(Conversations.FRANCE, GenerationOptions.greedy()).text())
                    .isEqualTo(Conversations.ANSWER);
        } finally {
            one.close();
        }
        // The context has been closed with its last session.
        try (LlamaSession again = all.model().newSession(two)) {
            assertThat(again.generate(Conversations.FRANCE, GenerationOptions.greedy()).text())
                    .isEqualTo(Conversations.ANSWER);
        }
    }

    @Test
    void theOptionsInEffectAreThoseOfTheContext() {
        SessionOptions two =
                Conversations.TOGETHER
                        .withSequences(2)
                        .withContextSize(SessionOptions.AUTO_CONTEXT);
        try (LlamaSession one = all.model().newSession(two)) {
            assertThat(one.options()).isNotEqualTo(two);
            try (LlamaSession other = all.model().newSession(one.options())) {
                assertThat(other.options()).isEqualTo(one.options());
                assertThatThrownBy(() -> all.model().newSession(two))
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("2 sequences, all in use");
            }
        }
    }

    @Test
    void whoFillsTheContextEndsAloneAndOthersGoOn() throws Exception {
        SessionOptions small = Conversations.ALONE.withContextSize(512).withSequences(4);
        try (Conversations.Sessions sessions = all.open(4, small);
                ExecutorService threads = Conversations.threads(true)) {
            List<Future<StopReason>> reasons = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int conversation = i;
                GenerationOptions options =
                        all.greedy()
                                .withMaxTokens(i == 3 ? 100_000 : 60)
                                .withContextFull(i == 2 ? ContextFull.SHIFT : ContextFull.STOP);
                reasons.add(
                        threads.submit(
                                () -> {
                                    try (TokenStream answer =
                                            sessions.get(conversation)
                                                    .generate(all.prompt(conversation), options)) {
                                        answer.text();
                                        all.assertSame(conversation, answer.tokens());
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
    void embeddingsAndLogitsOfSeveralTokensAreThoseOfEach() {
        SessionOptions options = Conversations.ALONE.withEmbeddings(true).withOutputs(4);
        int[] text = {300, 301, 302, 303};
        try (LlamaSession alone = all.model().newSession(options);
                LlamaSession one = all.model().newSession(options.withSequences(2));
                LlamaSession two = all.model().newSession(options.withSequences(2))) {
            alone.decode(text, 1);
            one.decode(text, 1);
            MemorySegment view = one.logits(2);
            two.decode(400, 401);
            assertThat(view.toArray(ValueLayout.JAVA_FLOAT))
                    .isEqualTo(alone.logits(2).toArray(ValueLayout.JAVA_FLOAT));
            assertThat(one.embedding().toArray(ValueLayout.JAVA_FLOAT))
                    .isEqualTo(alone.embedding().toArray(ValueLayout.JAVA_FLOAT));
            assertThatThrownBy(() -> one.logits(0)).hasMessageContaining("nothing has been");
            one.decode(304);
            assertThatThrownBy(() -> view.getAtIndex(ValueLayout.JAVA_FLOAT, 0))
                    .isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void anInterruptedThreadComputesNothing() {
        try (LlamaSession session = all.model().newSession(Conversations.TOGETHER)) {
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
    void aLongPromptDoesNotHoldUpTheOthers() throws Exception {
        try (LlamaModel slow = LlamaModel.load(Models.dense(folder))) {
            SessionOptions options = DemoModel.ONE_THREAD.withContextSize(4096).withSequences(2);
            int[] prompt = new Random(3).ints(1500, 300, 800).toArray();
            AtomicInteger pieces = new AtomicInteger();
            try (LlamaSession quick = slow.newSession(options);
                    LlamaSession patient = slow.newSession(options);
                    ExecutorService threads = Conversations.threads(true)) {
                TokenStream answer =
                        quick.generate(new int[] {300}, all.greedy().withMaxTokens(100_000));
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
                                                    all.greedy()
                                                            .withMaxTokens(0)
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
    void virtualThreadsDoNotHoldTheirCarriers() throws Exception {
        int count = 2 * Runtime.getRuntime().availableProcessors() + 2;
        SessionOptions options =
                DemoModel.ONE_THREAD.withContextSize(4096 * count).withSequences(count);
        int[] prompt = new Random(3).ints(2000, 300, 800).toArray();
        try (LlamaModel slow = LlamaModel.load(Models.dense(folder));
                ExecutorService threads = Conversations.threads(true)) {
            List<LlamaSession> opened =
                    IntStream.range(0, count).mapToObj(i -> slow.newSession(options)).toList();
            List<TokenStream> streams =
                    opened.stream().map(session -> session.generate(prompt, all.greedy())).toList();
            List<Future<?>> passes = new ArrayList<>();
            streams.forEach(stream -> passes.add(threads.submit(stream::hasNext)));
            Thread.sleep(200);
            assertThat(threads.submit(() -> "ran").get(1, TimeUnit.SECONDS)).isEqualTo("ran");
            assertThat(passes).noneMatch(Future::isDone);
            long start = System.nanoTime();
            streams.forEach(TokenStream::close);
            // Nobody wants the results of the pass any more, so it ends early.
            assertThat(Duration.ofNanos(System.nanoTime() - start))
                    .isLessThan(Duration.ofSeconds(3));
            opened.forEach(LlamaSession::close);
        }
    }
}
