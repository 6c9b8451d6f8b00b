package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Models;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers that other threads end: closed, interrupted, too late. */
@Timeout(120)
class ThreadsTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();
    private static final String FRANCE = DemoModel.prompt("What is the capital of France?");
    private static final String ANSWER = "The capital of France is Paris.";

    /** A pass of a model of 160 MB over this many tokens takes seconds. */
    private static final int LONG_PROMPT = 2000;

    @TempDir private static Path folder;
    private static LlamaModel slow;
    private static LlamaModel demo;

    @BeforeAll
    static void load() throws Exception {
        slow = LlamaModel.load(Models.dense(folder));
        demo = DemoModel.load();
    }

    @AfterAll
    static void close() {
        slow.close();
        demo.close();
    }

    private static LlamaSession slowSession() {
        return slow.newSession(
                SessionOptions.defaults()
                        .withThreads(1, 1)
                        .withContextSize(4096)
                        .withBatchSizes(LONG_PROMPT, LONG_PROMPT));
    }

    private static int[] longPrompt() {
        int[] tokens = new int[LONG_PROMPT];
        Arrays.setAll(tokens, i -> 100 + i % 50);
        return tokens;
    }

    private static ExecutorService threads(boolean virtual) {
        return virtual
                ? Executors.newVirtualThreadPerTaskExecutor()
                : Executors.newCachedThreadPool();
    }

    /** Whether a session can be used and closed as if nothing had happened. */
    private static void assertFree(LlamaSession session) {
        session.reset();
        session.decode(101, 102);
        assertThat(session.contextUsed()).isEqualTo(2);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStreamIsClosedFromAnotherThreadWithinAPass(boolean virtual) throws Exception {
        try (LlamaSession session = slowSession();
                ExecutorService readers = threads(virtual)) {
            CountDownLatch computing = new CountDownLatch(1);
            TokenStream stream =
                    session.generate(
                            longPrompt(),
                            GREEDY.withProgress((done, total) -> computing.countDown()));
            Future<Boolean> read = readers.submit(stream::hasNext);
            computing.await();
            Thread.sleep(50);
            long start = System.nanoTime();
            stream.close();
            assertThat(Duration.ofNanos(System.nanoTime() - start))
                    .isLessThan(Duration.ofSeconds(3));
            assertThat(stream.stopReason()).contains(StopReason.CANCELLED);
            assertThat(read.get()).isFalse();
            assertFree(session);
        }
    }

    @Test
    void aStreamIsClosedFromAnotherThreadBetweenTokens() throws Exception {
        try (LlamaSession session = demo.newSession();
                ExecutorService others = Executors.newSingleThreadExecutor()) {
            TokenStream stream = session.generate(FRANCE, GREEDY);
            assertThat(stream.next()).isEqualTo("The");
            others.submit(stream::close).get();
            assertThat(stream.hasNext()).isFalse();
            assertThat(session.generate(FRANCE, GREEDY).text()).isEqualTo(ANSWER);
        }
    }

    @Test
    void aChatIsClosedFromAnotherThreadAndRemembersOnce() throws Exception {
        for (int round = 0; round < 20; round++) {
            try (LlamaSession session = demo.newSession(DemoModel.ONE_THREAD);
                    ExecutorService others = Executors.newSingleThreadExecutor()) {
                Chat chat = new Chat(session);
                TokenStream stream = chat.send("Count from 3 to 17.", GREEDY);
                StringBuilder read = new StringBuilder(stream.next());
                Future<?> closed = others.submit(stream::close);
                stream.forEachRemaining(read::append);
                closed.get();
                assertThat(chat.messages()).hasSize(2);
                assertThat(chat.messages().getLast().content()).isEqualTo(read.toString());
                chat.reset();
                assertThat(chat.ask("What is the capital of France?", GREEDY).content())
                        .isEqualTo(ANSWER);
            }
        }
    }

    @Test
    void aStreamMayBeClosedFromWithin() {
        try (LlamaSession session = demo.newSession()) {
            AtomicReference<TokenStream> stream = new AtomicReference<>();
            stream.set(
                    session.generate(
                            FRANCE, GREEDY.withProgress((done, total) -> stream.get().close())));
            assertThat(stream.get().text()).isEmpty();
            assertThat(stream.get().stopReason()).contains(StopReason.CANCELLED);
            assertThat(session.generate(FRANCE, GREEDY).text()).isEqualTo(ANSWER);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void anInterruptEndsAPass(boolean virtual) throws Exception {
        try (LlamaSession session = slowSession();
                ExecutorService readers = threads(virtual)) {
            CountDownLatch computing = new CountDownLatch(1);
            CountDownLatch ended = new CountDownLatch(1);
            TokenStream stream =
                    session.generate(
                            longPrompt(),
                            GREEDY.withProgress((done, total) -> computing.countDown()));
            AtomicReference<Boolean> interrupted = new AtomicReference<>();
            Future<?> read =
                    readers.submit(
                            () -> {
                                stream.text();
                                interrupted.set(Thread.currentThread().isInterrupted());
                                ended.countDown();
                            });
            computing.await();
            Thread.sleep(50);
            read.cancel(true);
            assertThat(ended.await(3, TimeUnit.SECONDS)).isTrue();
            assertThat(interrupted.get()).isTrue();
            assertThat(stream.stopReason()).contains(StopReason.CANCELLED);
            assertFree(session);
        }
    }

    @Test
    void invokeAnyEndsTheOthers() throws Exception {
        try (ExecutorService readers = Executors.newFixedThreadPool(2);
                LlamaSession session = slowSession();
                LlamaSession quick = demo.newSession()) {
            CountDownLatch computing = new CountDownLatch(1);
            TokenStream stream =
                    session.generate(
                            longPrompt(),
                            GREEDY.withProgress((done, total) -> computing.countDown()));
            List<Callable<String>> answers =
                    List.of(
                            stream::text,
                            () -> {
                                computing.await();
                                return quick.generate(FRANCE, GREEDY).text();
                            });
            assertThat(readers.invokeAny(answers)).isEqualTo(ANSWER);
            readers.shutdown();
            assertThat(readers.awaitTermination(3, TimeUnit.SECONDS)).isTrue();
            assertThat(stream.stopReason()).contains(StopReason.CANCELLED);
        }
    }

    @Test
    void anInterruptedThreadComputesNothing() {
        try (LlamaSession session = slowSession()) {
            Thread.currentThread().interrupt();
            TokenStream stream = session.generate(longPrompt(), GREEDY);
            assertThat(stream.hasNext()).isFalse();
            assertThat(stream.stats().contextUsed()).isZero();
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> session.decode(longPrompt()))
                    .withMessageContaining("interrupted");
            assertThat(Thread.interrupted()).isTrue();
            assertFree(session);
        } finally {
            Thread.interrupted();
        }
    }

    @Test
    void aTimeoutEndsAnAnswer() {
        try (LlamaSession session = slowSession()) {
            TokenStream stream =
                    session.generate(longPrompt(), GREEDY.withTimeout(Duration.ofMillis(100)));
            long start = System.nanoTime();
            assertThat(stream.text()).isEmpty();
            assertThat(Duration.ofNanos(System.nanoTime() - start))
                    .isLessThan(Duration.ofSeconds(3));
            assertThat(stream.stopReason()).contains(StopReason.TIMEOUT);
            assertFree(session);
        }
        try (LlamaSession session = demo.newSession()) {
            GenerationOptions patient = GREEDY.withTimeout(Duration.ofSeconds(Long.MAX_VALUE));
            TokenStream stream = session.generate(FRANCE, patient);
            assertThat(stream.text()).isEqualTo(ANSWER);
            assertThat(stream.stopReason()).contains(StopReason.END_OF_GENERATION);
        }
    }

    @Test
    void virtualThreadsDoNotHoldTheirCarriers() throws Exception {
        int sessions = 2 * Runtime.getRuntime().availableProcessors();
        try (ExecutorService readers = Executors.newVirtualThreadPerTaskExecutor()) {
            List<LlamaSession> opened = new ArrayList<>();
            List<Future<?>> passes = new ArrayList<>();
            CountDownLatch computing = new CountDownLatch(sessions);
            List<TokenStream> streams = new ArrayList<>();
            for (int i = 0; i < sessions; i++) {
                LlamaSession session = slowSession();
                opened.add(session);
                streams.add(
                        session.generate(
                                longPrompt(),
                                GREEDY.withProgress((done, total) -> computing.countDown())));
            }
            streams.forEach(stream -> passes.add(readers.submit(stream::hasNext)));
            assertThat(computing.await(3, TimeUnit.SECONDS)).isTrue();
            assertThat(readers.submit(() -> "ran").get(1, TimeUnit.SECONDS)).isEqualTo("ran");
            assertThat(passes).noneMatch(Future::isDone);
            streams.forEach(TokenStream::close);
            opened.forEach(LlamaSession::close);
        }
    }

    @Test
    void aVirtualThreadIsNamedByItsNumber() throws Exception {
        try (LlamaSession session = demo.newSession()) {
            AtomicReference<Thread> other = new AtomicReference<>();
            AtomicReference<Throwable> thrown = new AtomicReference<>();
            GenerationOptions options =
                    GREEDY.withProgress(
                            (done, total) -> {
                                Thread intruder =
                                        Thread.ofPlatform()
                                                .uncaughtExceptionHandler((t, e) -> thrown.set(e))
                                                .start(session::reset);
                                try {
                                    intruder.join();
                                } catch (InterruptedException e) {
                                    throw new AssertionError(e);
                                }
                            });
            Thread reader =
                    Thread.ofVirtual()
                            .unstarted(
                                    () ->
                                            session.generate(FRANCE, options)
                                                    .forEachRemaining(p -> {}));
            other.set(reader);
            reader.start();
            reader.join();
            assertThat(thrown.get())
                    .isInstanceOf(WrongThreadException.class)
                    .hasMessageContaining(
                            "in use by virtual thread #" + other.get().threadId() + ";");
        }
    }
}
