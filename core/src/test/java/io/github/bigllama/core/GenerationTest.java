package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Endless;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class GenerationTest {
    private static final GenerationOptions GREEDY = GenerationOptions.greedy();
    private static final String STORY = DemoModel.prompt("Tell me a story.");

    private LlamaModel model;
    private LlamaSession session;

    @BeforeEach
    void open() {
        model = DemoModel.load();
        session = model.newSession();
    }

    @AfterEach
    void close() {
        session.close();
        model.close();
    }

    @Test
    void nothingIsComputedThatNobodyAskedFor() {
        int prompt = model.tokenizer().encode(STORY).length;
        try (TokenStream stream = session.generate(STORY, GREEDY)) {
            assertThat(session.contextUsed()).isZero();
            assertThat(stream.hasNext()).isTrue();
            assertThat(stream.hasNext()).isTrue();
            assertThat(session.contextUsed()).isEqualTo(prompt);
            assertThat(stream.next()).isEqualTo("O");
            assertThat(session.contextUsed()).isEqualTo(prompt);
            assertThat(stream.next()).isEqualTo("n");
            assertThat(session.contextUsed()).isEqualTo(prompt + 1);
            assertThat(stream.stats().generatedTokens()).isEqualTo(2);
            assertThat(stream.stats().decodedTokens()).isEqualTo(1);
            assertThat(stream.stopReason()).isEmpty();
        }
    }

    @Test
    void endsBeforeAStopStringThatSpansTokens() {
        TokenStream whole = session.generate(STORY, GREEDY.withMaxTokens(30));
        List<String> pieces = whole.stream().toList();
        String text = String.join("", pieces);
        // From the middle of one piece to the middle of the next but one.
        int from = String.join("", pieces.subList(0, 5)).length() + 2;
        String stop = text.substring(from, from + pieces.get(6).length() + 3);
        assertThat(pieces).noneMatch(piece -> piece.contains(stop));

        TokenStream stopped = session.generate(STORY, GREEDY.withStopStrings("never", stop));
        assertThat(stopped.text()).isEqualTo(text.substring(0, text.indexOf(stop)));
        assertThat(stopped.stopReason()).contains(StopReason.STOP_STRING);
    }

    @Test
    void endsAfterTheMostTokens() {
        TokenStream stream = session.generate(STORY, GREEDY.withMaxTokens(3));
        assertThat(stream.stream().toList()).containsExactly("O", "n", "ce");
        assertThat(stream.stopReason()).contains(StopReason.MAX_TOKENS);
        TokenStream none = session.generate(STORY, GREEDY.withMaxTokens(0));
        assertThat(none.text()).isEmpty();
        assertThat(none.stopReason()).contains(StopReason.MAX_TOKENS);
        assertThat(session.contextUsed()).isEqualTo(none.stats().promptTokens());
    }

    @Test
    void theSamePromptAgainComputesOneToken() {
        String first = session.generate(STORY, GREEDY).text();
        TokenStream again = session.generate(STORY, GREEDY);
        assertThat(again.text()).isEqualTo(first);
        assertThat(again.stats().prefilledTokens()).isEqualTo(1);
    }

    @Test
    void anotherPromptComputesFromTheFirstDifference() {
        session.generate(DemoModel.prompt("What is the capital of France?"), GREEDY).text();
        TokenStream other =
                session.generate(DemoModel.prompt("What is the capital of Iceland?"), GREEDY);
        assertThat(other.text()).isEqualTo("The capital of Iceland is Reykjavík.");
        assertThat(other.stats().cachedTokens()).isBetween(5, other.stats().promptTokens() - 1);
    }

    @Test
    void isCancelledFromAnotherThreadWhileItGenerates() throws InterruptedException {
        // With a bias that forbids the end, the answer continues until the context is full.
        GenerationOptions endless = endless();
        TokenStream stream = session.generate(STORY, endless);
        List<String> pieces = new ArrayList<>();
        Thread other = new Thread(stream::cancel);
        while (stream.hasNext()) {
            pieces.add(stream.next());
            if (pieces.size() == 5) {
                other.start();
                other.join();
            }
        }
        assertThat(pieces).hasSize(5);
        assertThat(stream.stopReason()).contains(StopReason.CANCELLED);
        assertThat(session.generate(STORY, GREEDY.withMaxTokens(3)).text()).isEqualTo("Once");
    }

    @Test
    void isCancelledBetweenTwoBatchesOfThePrompt() {
        try (LlamaSession small =
                model.newSession(SessionOptions.defaults().withBatchSizes(32, 32))) {
            int[] prompt = longPrompt(600);
            List<Integer> reports = new ArrayList<>();
            TokenStream[] holder = new TokenStream[1];
            holder[0] =
                    small.generate(
                            prompt,
                            GREEDY.withProgress(
                                    (done, total) -> {
                                        assertThat(total).isEqualTo(600);
                                        reports.add(done);
                                        if (done >= 64) {
                                            holder[0].cancel();
                                        }
                                    }));
            assertThat(holder[0].hasNext()).isFalse();
            assertThat(holder[0].stopReason()).contains(StopReason.CANCELLED);
            assertThat(reports).containsExactly(0, 32, 64);
            assertThat(small.contextUsed()).isEqualTo(64);
            // Computed tokens are not lost.
            TokenStream again = small.generate(prompt, GREEDY.withMaxTokens(1));
            again.text();
            assertThat(again.stats().cachedTokens()).isEqualTo(64);
        }
    }

    @Test
    void isCancelledInsideABatchOfThePrompt() {
        // One batch and one thread: a cancel that comes while it is computed can only end inside.
        SessionOptions oneBatch = DemoModel.ONE_THREAD.withBatchSizes(1024, 1024);
        try (LlamaSession slow = model.newSession(oneBatch)) {
            int[] prompt = longPrompt(1000);
            TokenStream[] holder = new TokenStream[1];
            Thread canceller =
                    new Thread(
                            () -> {
                                sleep(3);
                                holder[0].cancel();
                            });
            holder[0] =
                    slow.generate(
                            prompt,
                            GREEDY.withProgress(
                                    (done, total) -> {
                                        if (done == 0) {
                                            canceller.start();
                                        }
                                    }));
            assertThat(holder[0].hasNext()).isFalse();
            assertThat(holder[0].stopReason()).contains(StopReason.CANCELLED);
            assertThat(slow.contextUsed()).isZero();
            assertThat(slow.generate(STORY, GREEDY.withMaxTokens(3)).text()).isEqualTo("Once");
        }
    }

    @Test
    void stopsWhenTheContextIsFull() {
        try (LlamaSession small =
                model.newSession(SessionOptions.defaults().withContextSize(256))) {
            TokenStream stream = small.generate(STORY, endless());
            stream.text();
            assertThat(stream.stopReason()).contains(StopReason.CONTEXT_FULL);
            assertThat(small.contextUsed()).isEqualTo(small.contextSize());
            GenerationStats stats = stream.stats();
            // The last token needs no room: nothing is computed from it.
            assertThat(stats.promptTokens() + stats.generatedTokens())
                    .isEqualTo(small.contextSize() + 1);
        }
    }

    @Test
    void aPromptThatDoesNotFitIsRefusedBeforeAnythingIsComputed() {
        assertThatExceptionOfType(PromptTooLongException.class)
                .isThrownBy(() -> session.generate(longPrompt(1025), GREEDY))
                .withMessageContaining("1025 tokens")
                .withMessageContaining("1024 tokens");
        assertThat(session.contextUsed()).isZero();
        // The largest prompt that fits leaves room for one token.
        TokenStream largest = session.generate(longPrompt(1024), endless());
        largest.text();
        assertThat(largest.stats().generatedTokens()).isEqualTo(1);
        assertThat(largest.stopReason()).contains(StopReason.CONTEXT_FULL);
    }

    @Test
    void anEmptyPromptAndAForeignTokenAreRefused() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> session.generate("", GREEDY))
                .withMessageContaining("empty");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> session.generate(new int[] {1024}, GREEDY))
                .withMessageContaining("1024");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                session.generate(
                                        STORY,
                                        GREEDY.withSampling(
                                                SamplingOptions.greedy()
                                                        .withLogitBias(Map.of(-1, 1f)))))
                .withMessageContaining("-1");
    }

    @Test
    void samplingWithASeedIsRepeatable() {
        SamplingOptions wild =
                SamplingOptions.defaults().withTemperature(3).withTopK(0).withTopP(1).withMinP(0);
        List<String> texts = Stream.of(1, 1, 2).map(seed -> sampled(wild.withSeed(seed))).toList();
        assertThat(texts.get(0)).isEqualTo(texts.get(1)).isNotEqualTo(texts.get(2));
    }

    @Test
    void everyKindOfSamplingGeneratesAndDiffersFromGreedyWhereItShould() {
        SamplingOptions base = SamplingOptions.defaults().withTemperature(5).withSeed(7);
        String greedy = sampled(SamplingOptions.greedy());
        assertThat(sampled(base.withTopK(1))).isEqualTo(greedy);
        assertThat(sampled(base.withTopP(0.0001f))).isEqualTo(greedy);
        assertThat(sampled(base.withMinP(1))).isEqualTo(greedy);
        List<SamplingOptions> wild =
                List.of(
                        base.withTopK(0).withTopP(1).withMinP(0).withTypicalP(1),
                        base.withTopP(1).withMinP(0).withXtc(new SamplingOptions.Xtc(1, .00001f)),
                        base.withMirostat(new SamplingOptions.Mirostat(1, 8, .1f)),
                        base.withMirostat(new SamplingOptions.Mirostat(2, 8, .1f)));
        for (SamplingOptions sampling : wild) {
            assertThat(sampled(sampling)).as("%s", sampling).isNotEmpty().isNotEqualTo(greedy);
            assertThat(sampled(sampling)).as("%s", sampling).isEqualTo(sampled(sampling));
        }
    }

    @Test
    void penaltiesAndBiasesChangeTheChoice() {
        String count = DemoModel.prompt("Repeat after me: tiger tiger tiger tiger");
        String plain = session.generate(count, GREEDY.withMaxTokens(12)).text();
        SamplingOptions penalized =
                SamplingOptions.greedy()
                        .withPenalties(new SamplingOptions.Penalties(64, 1.5f, 8, 8));
        assertThat(session.generate(count, GREEDY.withSampling(penalized).withMaxTokens(12)).text())
                .isNotEqualTo(plain);
        SamplingOptions dry =
                SamplingOptions.greedy()
                        .withDry(new SamplingOptions.Dry(50, 4, 1, 64, List.of("\n")));
        assertThat(session.generate(count, GREEDY.withSampling(dry).withMaxTokens(12)).text())
                .isNotEqualTo(plain);
        TokenStream first = session.generate(STORY, GREEDY.withMaxTokens(1));
        assertThat(first.text()).isEqualTo("O");
        SamplingOptions biased =
                SamplingOptions.greedy()
                        .withLogitBias(Map.of(first.tokens()[0], Float.NEGATIVE_INFINITY));
        assertThat(session.generate(STORY, GREEDY.withSampling(biased).withMaxTokens(1)).text())
                .isNotEqualTo("O");
    }

    private String sampled(SamplingOptions sampling) {
        return session.generate(STORY, GREEDY.withSampling(sampling).withMaxTokens(24)).text();
    }

    private GenerationOptions endless() {
        return GREEDY.withSampling(
                SamplingOptions.greedy().withLogitBias(Endless.logitBias(model)));
    }

    private static int[] longPrompt(int tokens) {
        int[] prompt = new int[tokens];
        Arrays.setAll(prompt, i -> 300 + i % 500);
        return prompt;
    }

    private static void sleep(long millis) {
        try {
            TimeUnit.MILLISECONDS.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
