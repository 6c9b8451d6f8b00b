package io.github.bigllama.core.chat;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.testing.DemoModel;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Many conversations, some at a time. */
@Timeout(120)
class ChatBatchTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();
    private static final SessionOptions OPTIONS =
            DemoModel.ONE_THREAD.withContextSize(1024).withSequences(4);
    private static final List<String> COUNTRIES =
            List.of("France", "Iceland", "Norway", "Japan", "Peru", "Kenya", "Egypt");

    private static LlamaModel model;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static List<ChatMessage> question(String text) {
        return List.of(new ChatMessage(Role.USER, text));
    }

    private static List<ChatMessage> capital(int i) {
        return question(
                "What is the capital of %s?".formatted(COUNTRIES.get(i % COUNTRIES.size())));
    }

    private static ChatBatch batch() {
        return new ChatBatch(model, OPTIONS, ChatOptions.defaults());
    }

    @Test
    void answersAreInTheOrderOfTheQuestions() {
        try (ChatBatch batch = batch();
                Stream<ChatBatch.Answer> answers =
                        batch.answers(
                                IntStream.range(0, 40)
                                        .mapToObj(
                                                i ->
                                                        i % 5 == 4
                                                                ? question("Tell me a story.")
                                                                : capital(i)),
                                GREEDY)) {
            List<Reply> replies = answers.map(ChatBatch.Answer::reply).toList();
            assertThat(replies).hasSize(40);
            for (int i = 0; i < 40; i++) {
                String expected =
                        i % 5 == 4
                                ? replies.get(4).content()
                                : "The capital of %s is "
                                        .formatted(COUNTRIES.get(i % COUNTRIES.size()));
                assertThat(replies.get(i).content()).startsWith(expected);
                assertThat(replies.get(i).stopReason()).contains(StopReason.END_OF_GENERATION);
                assertThat(replies.get(i).stats().orElseThrow().generatedTokens()).isPositive();
            }
        }
    }

    @Test
    void oneThatDoesNotFitIsAFailureOfItsOwn() {
        try (ChatBatch batch = batch();
                Stream<ChatBatch.Answer> answers =
                        batch.answers(
                                Stream.of(capital(0), question("word ".repeat(5000)), capital(1)),
                                GREEDY)) {
            List<ChatBatch.Answer> all = answers.toList();
            assertThat(all.get(0).reply().content()).isEqualTo("The capital of France is Paris.");
            assertThat(all.get(0).failure()).isEmpty();
            assertThat(all.get(1).failure().orElseThrow())
                    .isInstanceOf(PromptTooLongException.class);
            assertThat(all.get(1).reply().content()).isEmpty();
            assertThat(all.get(2).reply().content()).contains("Reykjavík");
        }
    }

    @Test
    void conversationsHaveSystemMessagesAndHistories() {
        ChatOptions chat = ChatOptions.defaults().withSystem("Be short.");
        List<ChatMessage> told =
                List.of(
                        new ChatMessage(Role.SYSTEM, "Be long."),
                        new ChatMessage(Role.USER, "My name is Greta."),
                        new ChatMessage(Role.ASSISTANT, "Nice to meet you, Greta!"),
                        new ChatMessage(Role.USER, "What is my name?"));
        try (ChatBatch batch = new ChatBatch(model, OPTIONS, chat);
                Stream<ChatBatch.Answer> answers =
                        batch.answers(Stream.of(told, capital(0)), GREEDY)) {
            List<ChatBatch.Answer> all = answers.toList();
            assertThat(all.get(0).reply().content()).isEqualTo("Your name is Greta.");
            int tokens = all.get(1).reply().stats().orElseThrow().promptTokens();
            try (ChatBatch plain =
                            new ChatBatch(
                                    model, OPTIONS.withContextSize(2048), ChatOptions.defaults());
                    Stream<ChatBatch.Answer> shorter =
                            plain.answers(Stream.of(capital(0)), GREEDY)) {
                assertThat(
                                shorter.findFirst()
                                        .orElseThrow()
                                        .reply()
                                        .stats()
                                        .orElseThrow()
                                        .promptTokens())
                        .isLessThan(tokens);
            }
        }
    }

    @Test
    void questionsAreReadSomeWayAhead() {
        AtomicInteger read = new AtomicInteger();
        try (ChatBatch batch = batch();
                Stream<ChatBatch.Answer> answers =
                        batch.answers(
                                Stream.generate(() -> capital(read.getAndIncrement())), GREEDY)) {
            Iterator<ChatBatch.Answer> next = answers.iterator();
            for (int i = 0; i < 10; i++) {
                assertThat(next.next().reply().content())
                        .startsWith(
                                "The capital of %s".formatted(COUNTRIES.get(i % COUNTRIES.size())));
            }
            assertThat(read.get()).isBetween(10 + 4, 10 + 1 + 16 * 4);
        }
    }

    @Test
    void anInterruptEndsAll() {
        List<ChatBatch.Answer> got = new ArrayList<>();
        try (ChatBatch batch = batch();
                Stream<ChatBatch.Answer> answers =
                        batch.answers(
                                IntStream.range(0, 1000).mapToObj(ChatBatchTest::capital),
                                GREEDY)) {
            Iterator<ChatBatch.Answer> next = answers.iterator();
            got.add(next.next());
            Thread.currentThread().interrupt();
            assertThatExceptionOfType(CancellationException.class)
                    .isThrownBy(() -> next.forEachRemaining(got::add));
            assertThat(Thread.interrupted()).isTrue();
        } finally {
            Thread.interrupted();
        }
        assertThat(got).hasSizeLessThan(1000);
        // The sessions are free again.
        try (ChatBatch batch = batch()) {
            assertThat(batch.answers(Stream.of(capital(0)), GREEDY).toList()).hasSize(1);
        }
    }

    @Test
    void aConversationWithoutMessagesIsAnError() {
        try (ChatBatch batch = batch()) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> batch.answers(Stream.of(List.of()), GREEDY).forEach(a -> {}));
        }
    }

    @Test
    void itMayBeClosedByTwoThreads() throws Exception {
        ChatBatch batch = batch();
        Thread other = Thread.ofPlatform().start(batch::close);
        batch.close();
        other.join();
    }

    @Test
    void aClosedOneSaysSo() {
        ChatBatch batch = batch();
        Iterator<ChatBatch.Answer> before = batch.answers(Stream.of(capital(0)), GREEDY).iterator();
        batch.close();
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(before::hasNext)
                .withMessage("the batch is closed");
        assertThatExceptionOfType(IllegalStateException.class)
                .isThrownBy(() -> batch.answers(Stream.of(capital(0)), GREEDY))
                .withMessage("the batch is closed");
    }
}
