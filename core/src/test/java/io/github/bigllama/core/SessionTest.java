package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
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
                int[] more = Arrays.copyOf(told, told.length + 1);
                more[told.length] = model.tokenizer().encode(" and", false, false)[0];
                try (TokenStream answer = fork.generate(more, GREEDY.withMaxTokens(3))) {
                    answer.text();
                    assertThat(answer.stats().cachedTokens()).isEqualTo(told.length);
                }
                other.decode(more[told.length]);
                assertThat(origin.tokens()).isEqualTo(told);
                assertThatThrownBy(origin::logits).hasMessageContaining("nothing has been");
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

    /** A model that may not end does not. */
    private static GenerationOptions endless() {
        Tokenizer tokenizer = model.tokenizer();
        Map<Integer, Float> ends =
                IntStream.range(0, tokenizer.size())
                        .filter(tokenizer::isEndOfGeneration)
                        .boxed()
                        .collect(Collectors.toMap(i -> i, i -> Float.NEGATIVE_INFINITY));
        return GREEDY.withSampling(SamplingOptions.greedy().withLogitBias(ends));
    }

    @Test
    void whatAPromptLeavesOutIsCutOut() {
        int[] text = random(120);
        int[] shorter = new int[81];
        System.arraycopy(text, 0, shorter, 0, 20);
        System.arraycopy(text, 60, shorter, 20, 60);
        shorter[80] = 7;
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
}
