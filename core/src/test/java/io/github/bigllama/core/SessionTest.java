package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.engine.Sequence;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Endless;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Forks, and what happens when the context is full. */
class SessionTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();

    private static LlamaModel model;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static LlamaSession session(int contextSize, int sequences) {
        return model.newSession(
                SessionOptions.defaults()
                        .withContextSize(contextSize)
                        .withThreads(1, 1)
                        .withSequences(sequences));
    }

    @Test
    void aForkKnowsWhatItsOriginWasTold() {
        try (LlamaSession origin = session(256, 3)) {
            Chat chat = new Chat(origin);
            chat.send("What is the capital of France?", GREEDY).text();
            int[] told = origin.tokens();
            try (LlamaSession fork = origin.fork();
                    LlamaSession other = origin.fork()) {
                assertThat(fork.tokens()).isEqualTo(told);
                assertThatThrownBy(fork::logits).hasMessageContaining("nothing has been");
                int[] more = Arrays.copyOf(told, told.length + 1);
                more[told.length] = model.tokenizer().encode(" and", false, false)[0];
                try (TokenStream answer = fork.generate(more, GREEDY.withMaxTokens(3))) {
                    answer.text();
                    assertThat(answer.stats().cachedTokens()).isEqualTo(told.length);
                }
                other.decode(more[told.length]);
                assertThat(origin.tokens()).isEqualTo(told);
                assertThat(origin.logits().byteSize()).isEqualTo(4L * model.vocabularySize());
                assertThat(other.logits().byteSize()).isEqualTo(4L * model.vocabularySize());
                assertThatThrownBy(origin::fork)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("3 sequences, all in use")
                        .hasMessageContaining("withSequences");
            }
            try (LlamaSession again = origin.fork()) {
                assertThat(again.contextUsed()).isEqualTo(told.length);
            }
        }
    }

    @Test
    void aForkOfAChatGoesItsOwnWay() {
        try (LlamaSession session = session(512, 2)) {
            Chat chat = new Chat(session, ChatOptions.defaults().withSystem("Be short."));
            chat.send("My name is Greta.", GREEDY).text();
            LlamaSession forked;
            try (Chat fork = chat.fork()) {
                forked = fork.session();
                assertThat(chat.send("Wave at me.", GREEDY).text()).isEqualTo("👋");
                TokenStream answer = fork.send("What is my name?", GREEDY);
                assertThat(answer.text()).isEqualTo("Your name is Greta.");
                assertThat(answer.stats().prefilledTokens()).isLessThan(20);
                assertThat(fork.messages()).hasSize(5).startsWith(chat.messages().getFirst());
                assertThat(forked).isNotSameAs(session);
                assertThatThrownBy(chat::fork).hasMessageContaining("all in use");
            }
            assertThatThrownBy(forked::tokens).hasMessageContaining("is closed");
            chat.close();
            assertThat(chat.send("What is my name?", GREEDY).text())
                    .isEqualTo("Your name is Greta.");
        }
    }

    @Test
    void forksAnswerAsSessionsOfTheirOwn() {
        String question = "Tell me a story.";
        String alone;
        try (LlamaSession session = session(512, 1)) {
            alone = new Chat(session).send(question, GREEDY).text();
        }
        try (LlamaSession origin = session(1024, 2);
                LlamaSession fork = origin.fork();
                TokenStream one = new Chat(origin).send(question, GREEDY);
                TokenStream two = new Chat(fork).send(question, GREEDY)) {
            StringBuilder first = new StringBuilder();
            StringBuilder second = new StringBuilder();
            while (one.hasNext() || two.hasNext()) {
                if (one.hasNext()) {
                    first.append(one.next());
                }
                if (two.hasNext()) {
                    second.append(two.next());
                }
            }
            assertThat(first).hasToString(alone);
            assertThat(second).hasToString(alone);
        }
    }

    @Test
    void aForkOutlivesItsOrigin() {
        LlamaSession origin = session(256, 2);
        origin.decode(1, 2, 3);
        try (LlamaSession fork = origin.fork()) {
            origin.close();
            origin.close();
            assertThatThrownBy(origin::tokens).hasMessageContaining("is closed");
            fork.decode(4);
            assertThat(fork.tokens()).containsExactly(1, 2, 3, 4);
        }
    }

    @Test
    void sequencesThatFillTheContextTogether() {
        try (LlamaSession origin = session(256, 2);
                LlamaSession fork = origin.fork()) {
            origin.decode(random(200));
            assertThatThrownBy(() -> fork.decode(random(100)))
                    .isInstanceOf(DecodeException.class)
                    .hasMessageContaining("no room in the KV cache for 100 tokens after 0")
                    .hasMessageContaining("one of 2 sequences that share it");
            fork.decode(random(50));
        }
    }

    @Test
    void answersOfSequencesThatFillTheContextTogether() {
        try (LlamaSession origin = session(256, 2);
                LlamaSession fork = origin.fork()) {
            origin.decode(random(100));
            try (TokenStream answer = fork.generate(random(100), endless())) {
                answer.text();
                assertThat(answer.stopReason()).contains(StopReason.CONTEXT_FULL);
                assertThat(answer.stats().contextUsed()).isEqualTo(156);
            }
            GenerationOptions shift =
                    endless().withContextFull(ContextFull.SHIFT).withMaxTokens(300);
            try (TokenStream answer = fork.generate(random(100), shift)) {
                answer.text();
                assertThat(answer.stopReason()).contains(StopReason.MAX_TOKENS);
                assertThat(answer.stats().contextUsed()).isBetween(50, 156);
            }
            assertThat(origin.contextUsed()).isEqualTo(100);
        }
    }

    /** Tokens that a fork forgets or moves stay in place for the original session. */
    @Test
    void aForkThatForgetsChangesNothingForItsOrigin() {
        int[] text = random(120);
        float[] expected = logitsAfter(text, 7);
        try (LlamaSession origin = session(512, 2)) {
            origin.decode(text);
            try (LlamaSession fork = origin.fork()) {
                generateWithout(fork, text, 20, 60);
                assertThat(fork.contextUsed()).isLessThan(100);
                origin.decode(7);
                assertSame(logits(origin), expected);
            }
            // Alone again, it can move its tokens.
            assertThat(generateWithout(origin, origin.tokens(), 20, 60)).isGreaterThan(75);
        }
    }

    /** llama.cpp rotates keys to their new positions later; a file must include that. */
    @Test
    void whatWasMovedButNotComputedIsSaved(@TempDir Path folder) {
        int[] text = random(120);
        Path file = folder.resolve("a.session");
        try (LlamaSession session = session(256, 1);
                LlamaSession other = session(256, 1)) {
            session.decode(text);
            TokenStream[] answer = new TokenStream[1];
            answer[0] =
                    session.generate(
                            without(text, 20, 60),
                            GREEDY.withContextFull(ContextFull.SHIFT)
                                    .withProgress((done, total) -> answer[0].cancel()));
            assertThat(answer[0].text()).isEmpty();
            assertThat(session.tokens()).hasSize(80);
            assertThat(session.lane().sequence().isMoving()).isTrue();
            session.save(file);
            other.restore(file);
            session.decode(7);
            other.decode(7);
            assertSame(logits(other), logits(session));
        }
    }

    /** Some layers have moved then and others have not. */
    @Test
    void tokensWhoseMoveWasInterruptedAreForgotten() {
        int[] text = random(120);
        try (LlamaSession session = session(256, 1)) {
            session.decode(text);
            assertThat(session.lane().sequence().remove(20, 60)).isTrue();
            AtomicBoolean cancelled = new AtomicBoolean(true);
            session.lane().follow(cancelled);
            assertThat(session.lane().decode(text, 0, 1, 0)).isFalse();
            session.lane().unfollow(cancelled);
            assertThat(session.tokens()).isEmpty();
            session.decode(text);
            session.decode(7);
            assertSame(logits(session), logitsAfter(text, 7));
        }
    }

    private static int generateWithout(LlamaSession session, int[] text, int from, int to) {
        try (TokenStream answer =
                session.generate(
                        without(text, from, to),
                        GREEDY.withMaxTokens(1).withContextFull(ContextFull.SHIFT))) {
            answer.text();
            return answer.stats().cachedTokens();
        }
    }

    /** A text without a part in the middle, and with another end. */
    private static int[] without(int[] text, int from, int to) {
        return IntStream.concat(
                        IntStream.concat(
                                Arrays.stream(text, 0, from), Arrays.stream(text, to, text.length)),
                        IntStream.of(7))
                .toArray();
    }

    private static float[] logitsAfter(int[] text, int token) {
        try (LlamaSession session = session(256, 1)) {
            session.decode(text);
            session.decode(token);
            return logits(session);
        }
    }

    private static float[] logits(LlamaSession session) {
        return session.logits().toArray(ValueLayout.JAVA_FLOAT);
    }

    /** The same but for the order of additions; what is wrong here is so by 5 and more. */
    private static void assertSame(float[] actual, float[] expected) {
        assertThat(actual).containsExactly(expected, within(0.5f));
    }

    private static int[] random(int count) {
        return new Random(count).ints(count, 20, model.vocabularySize()).toArray();
    }

    @Test
    void aFullContextEndsAnAnswer() {
        try (LlamaSession session = session(256, 1);
                TokenStream answer = session.generate(random(250), endless())) {
            answer.text();
            assertThat(answer.stopReason()).contains(StopReason.CONTEXT_FULL);
            assertThat(answer.tokens()).hasSize(7);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 20})
    void aFullContextMakesRoom(int keep) {
        int[] prompt = random(250);
        try (LlamaSession session = session(256, 1);
                TokenStream answer =
                        session.generate(
                                prompt,
                                endless()
                                        .withContextFull(ContextFull.SHIFT)
                                        .withKeep(keep)
                                        .withMaxTokens(1000))) {
            answer.text();
            assertThat(answer.stopReason()).contains(StopReason.MAX_TOKENS);
            assertThat(answer.stats().contextUsed()).isBetween(128, 256);
            assertThat(Arrays.copyOf(session.tokens(), keep))
                    .isEqualTo(Arrays.copyOf(prompt, keep));
            int[] tokens = session.tokens();
            int[] said = answer.tokens();
            int known = tokens.length - Math.max(1, keep);
            assertThat(Arrays.copyOfRange(tokens, tokens.length - known, tokens.length))
                    .isEqualTo(Arrays.copyOfRange(said, said.length - 1 - known, said.length - 1));
        }
    }

    @Test
    void anEndlessAnswerEnds() {
        try (LlamaSession session = session(256, 1);
                TokenStream answer =
                        session.generate(
                                random(10), endless().withContextFull(ContextFull.SHIFT))) {
            answer.text();
            assertThat(answer.stopReason()).contains(StopReason.CONTEXT_FULL);
            assertThat(answer.tokens().length).isBetween(256, 512);
        }
    }

    /** A model that must not end an answer does not. */
    private static GenerationOptions endless() {
        return GREEDY.withSampling(
                SamplingOptions.greedy().withLogitBias(Endless.logitBias(model)));
    }

    @Test
    void whatAPromptLeavesOutIsCutOut() {
        int[] text = random(120);
        int[] shorter = without(text, 20, 60);
        for (ContextFull full : ContextFull.values()) {
            try (LlamaSession session = session(256, 1)) {
                session.decode(text);
                try (TokenStream answer =
                        session.generate(shorter, GREEDY.withMaxTokens(1).withContextFull(full))) {
                    answer.text();
                    assertThat(answer.stats().cachedTokens())
                            .isEqualTo(full == ContextFull.SHIFT ? 80 : 20);
                    assertThat(session.tokens()).isEqualTo(shorter);
                }
            }
        }
    }

    @Test
    void overlaps() {
        assertThat(overlap("xxabc", "abcd")).isEqualTo(3);
        assertThat(overlap("abab", "ababab")).isEqualTo(4);
        assertThat(overlap("aab", "aaab")).isEqualTo(0);
        assertThat(overlap("", "a")).isZero();
        assertThat(overlap("a", "")).isZero();
        assertThat(overlap("caaa", "aa")).isEqualTo(2);
        Random random = new Random(1);
        for (int i = 0; i < 2000; i++) {
            String a = word(random);
            String b = word(random);
            int expected = Math.min(a.length(), b.length());
            while (!a.endsWith(b.substring(0, expected))) {
                expected--;
            }
            assertThat(overlap(a, b)).as(a + " " + b).isEqualTo(expected);
        }
    }

    private static String word(Random random) {
        StringBuilder word = new StringBuilder();
        int length = random.nextInt(9);
        for (int i = 0; i < length; i++) {
            word.append(random.nextBoolean() ? 'a' : 'b');
        }
        return word.toString();
    }

    private static int overlap(String a, String b) {
        return Sequence.overlap(a.chars().toArray(), 0, a.length(), b.chars().toArray(), 0);
    }

    @Test
    void argumentsAreChecked() {
        try (LlamaSession session = session(256, 1)) {
            session.decode(5, 6, 7);
            assertThatThrownBy(() -> session.keep(-5))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("tokens is -5, must be 0 or more");
            assertThat(session.contextUsed()).isEqualTo(3);
            assertThatThrownBy(() -> session.logits(-2))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("index is -2, must be 0 or more");
            assertThatThrownBy(() -> session.logits(0))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("has no logits");
            assertThatThrownBy(() -> session.decode(new int[] {5}, 3))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage("first is 3, must be 0 to 1");
        }
    }

    @Test
    void aTinyTemperatureIsLikeNone() {
        String prompt = "Once upon a time";
        try (LlamaSession session = session(256, 1)) {
            String expected = session.generate(prompt, GREEDY.withMaxTokens(12)).text();
            GenerationOptions tiny =
                    GREEDY.withMaxTokens(12)
                            .withSampling(
                                    SamplingOptions.defaults().withTemperature(Float.MIN_VALUE));
            assertThat(session.generate(prompt, tiny).text()).isEqualTo(expected);
        }
    }
}
