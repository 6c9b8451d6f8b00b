package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.structure.Grammar;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Sessions that are computed together say what each of them says alone. */
@Timeout(180)
class SharedPassesTest {
    private static Conversations all;

    @BeforeAll
    static void load() throws IOException {
        all = new Conversations();
    }

    @AfterAll
    static void close() {
        all.close();
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void eightConversationsSayWhatEachSaysAlone(boolean virtual) throws Exception {
        try (Conversations.Sessions sessions =
                        all.open(Conversations.SESSIONS, Conversations.TOGETHER);
                ExecutorService threads = Conversations.threads(virtual)) {
            List<Callable<int[]>> answers = new ArrayList<>();
            for (int i = 0; i < Conversations.SESSIONS; i++) {
                int conversation = i;
                answers.add(
                        () -> {
                            LlamaSession session = sessions.get(conversation);
                            int[] first =
                                    Conversations.tokens(
                                            session, all.prompt(conversation), all.greedy());
                            session.reset();
                            int[] second =
                                    Conversations.tokens(
                                            session, all.prompt(conversation), all.greedy());
                            all.assertSame(conversation, second);
                            return first;
                        });
            }
            List<Future<int[]>> results = threads.invokeAll(answers);
            for (int i = 0; i < Conversations.SESSIONS; i++) {
                assertThat(results.get(i).get()).hasSize(Conversations.TOKENS);
                all.assertSame(i, results.get(i).get());
            }
        }
    }

    /** Sessions come and go, are cancelled, interrupted, closed by others, and are too late. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void whatOthersDoChangesNothing(boolean virtual) throws Exception {
        AtomicInteger stopped = new AtomicInteger();
        try (ExecutorService threads = Conversations.threads(virtual)) {
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < Conversations.SESSIONS; i++) {
                int conversation = i;
                running.add(
                        threads.submit(
                                () -> {
                                    Random random = new Random(conversation);
                                    for (int round = 0; round < 6; round++) {
                                        try (LlamaSession session =
                                                all.model().newSession(Conversations.TOGETHER)) {
                                            Thread.sleep(random.nextInt(20));
                                            if (conversation % 2 == 0) {
                                                all.assertSame(
                                                        conversation,
                                                        Conversations.tokens(
                                                                session,
                                                                all.prompt(conversation),
                                                                all.greedy()));
                                            } else {
                                                stopped.addAndGet(
                                                        stop(session, conversation, round));
                                            }
                                        }
                                    }
                                    return null;
                                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        }
        assertThat(stopped).hasPositiveValue();
    }

    @Test
    void aPassComputesTokensOfAll() throws Exception {
        AtomicInteger inside = new AtomicInteger();
        AtomicInteger most = new AtomicInteger();
        try (Conversations.Sessions sessions =
                        all.open(Conversations.SESSIONS, Conversations.TOGETHER);
                ExecutorService threads = Conversations.threads(true)) {
            List<Future<?>> running = new ArrayList<>();
            for (LlamaSession session : sessions.all()) {
                running.add(
                        threads.submit(
                                () -> {
                                    for (int i = 0; i < 100; i++) {
                                        most.accumulateAndGet(inside.incrementAndGet(), Math::max);
                                        session.decode(300 + i);
                                        inside.decrementAndGet();
                                    }
                                }));
            }
            for (Future<?> one : running) {
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
        assertThat(most.get()).isGreaterThan(Conversations.SESSIONS / 2);
    }

    @Test
    void aSlowReaderHoldsUpNobody() {
        try (LlamaSession slow = all.model().newSession(Conversations.TOGETHER);
                LlamaSession quick = all.model().newSession(Conversations.TOGETHER);
                TokenStream unread = slow.generate(all.prompt(1), all.greedy())) {
            unread.next();
            all.assertSame(0, Conversations.tokens(quick, all.prompt(0), all.greedy()));
            unread.text();
            all.assertSame(1, unread.tokens());
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
        List<GenerationOptions> options = List.of(json, chance, all.greedy(), all.greedy());
        List<int[]> alone =
                IntStream.range(0, 4)
                        .mapToObj(i -> all.alone(all.prompt(i), options.get(i)))
                        .toList();
        try (Conversations.Sessions sessions =
                        all.open(
                                4,
                                Conversations.TOGETHER
                                        .withSpeculation(Speculation.NGRAM)
                                        .withSequences(4));
                ExecutorService threads = Conversations.threads(true)) {
            List<Future<int[]>> answers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int conversation = i;
                answers.add(
                        threads.submit(
                                () ->
                                        Conversations.tokens(
                                                sessions.get(conversation),
                                                all.prompt(conversation),
                                                options.get(conversation))));
            }
            assertThat(answers.get(0).get()).isEqualTo(alone.get(0));
            assertThat(all.model().tokenizer().decode(answers.get(0).get())).startsWith("{\"a\": ");
            assertThat(answers.get(1).get()).startsWith(alone.get(1)[0], alone.get(1)[1]);
            all.assertSame(2, answers.get(2).get());
            all.assertSame(3, answers.get(3).get());
        }
    }

    /** Ends an answer in the middle; then the session goes on as if it had never begun. */
    private static int stop(LlamaSession session, int conversation, int way) throws Exception {
        GenerationOptions options =
                way == 0 ? all.greedy().withTimeout(Duration.ofMillis(15)) : all.greedy();
        TokenStream answer = session.generate(all.prompt(conversation), options);
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
        all.assertSame(conversation, answer.tokens());
        all.assertSame(
                conversation,
                Conversations.tokens(session, all.prompt(conversation), all.greedy()));
        return answer.stopReason().orElseThrow() == StopReason.MAX_TOKENS ? 0 : 1;
    }
}
