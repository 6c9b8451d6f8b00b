package io.github.bigllama.core;

import static io.github.bigllama.core.JavaSamplings.FRANCE;
import static io.github.bigllama.core.JavaSamplings.GREEDY;
import static io.github.bigllama.core.JavaSamplings.PARIS;
import static io.github.bigllama.core.JavaSamplings.argmax;
import static io.github.bigllama.core.JavaSamplings.only;
import static io.github.bigllama.core.JavaSamplings.sampledBy;
import static io.github.bigllama.core.JavaSamplings.set;
import static io.github.bigllama.core.JavaSamplings.with;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.LogitsProcessor;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.GrammarException;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What processors and samplers can do wrong, and all that they may do. */
class JavaSamplingRefusalsTest extends JavaSamplingCase {
    @TempDir private Path folder;

    /** Asserts that an answer fails, and that the session then answers as if nothing had been. */
    private static void assertFails(
            GenerationOptions options, Class<? extends Throwable> type, String... message) {
        try (LlamaSession session = open()) {
            TokenStream answer = session.generate(FRANCE, options);
            assertThatThrownBy(answer::text).isInstanceOf(type).hasMessageContainingAll(message);
            assertThat(answer.stopReason()).isEmpty();
            assertThat(say(session, GREEDY)).isEqualTo(PARIS);
            answer.close();
            assertThat(say(session, GREEDY)).isEqualTo(PARIS);
        }
    }

    @Test
    void whatItThrowsTheStreamThrows() {
        RuntimeException mine = new UnsupportedOperationException("mine");
        assertFails(
                with(
                        (tokens, generated, logits) -> {
                            if (generated == 2) {
                                throw mine;
                            }
                        }),
                UnsupportedOperationException.class,
                "mine");
        assertFails(
                with(
                        (tokens, generated, logits) -> {
                            throw new AssertionError("an error");
                        }),
                AssertionError.class,
                "an error");
        assertFails(
                sampledBy(
                        (tokens, generated, logits) -> {
                            throw JavaSamplingRefusalsTest.<RuntimeException>unchecked(
                                    new IOException("a checked one"));
                        }),
                IOException.class,
                "a checked one");
    }

    /** Other languages than Java throw checked exceptions everywhere. */
    @SuppressWarnings("unchecked")
    private static <E extends Throwable> E unchecked(Throwable e) throws E {
        throw (E) e;
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.MAX_VALUE, 1.1e6f})
    void aLogitThatNoSamplerCanUseIsRefused(float logit) {
        assertFails(
                with((tokens, generated, logits) -> {}, (t, g, logits) -> set(logits, 17, logit)),
                IllegalStateException.class,
                "logits processor 2 of 2 gave token 17 the logit " + logit,
                "at most 1000000.0");
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NEGATIVE_INFINITY, -Float.MAX_VALUE, -1.1e6f})
    void oneTokenMustBeLeft(float logit) {
        assertFails(
                with(
                        (tokens, generated, logits) ->
                                IntStream.range(0, model.vocabularySize())
                                        .forEach(i -> set(logits, i, logit))),
                IllegalStateException.class,
                "logits processor 1 of 1 left no token to choose: it forbade all of them");
        SamplingOptions biased =
                SamplingOptions.defaults()
                        .withLogitBias(Map.of(9, Float.NEGATIVE_INFINITY))
                        .withProcessors((tokens, generated, logits) -> only(logits, 9));
        assertFails(
                GREEDY.withSampling(biased),
                IllegalStateException.class,
                "it forbade all that the logit bias allows");
    }

    @Test
    void aBiasThatForbidsAllIsRefusedAtOnce() {
        Map<Integer, Float> all =
                IntStream.range(0, model.vocabularySize())
                        .boxed()
                        .collect(Collectors.toMap(i -> i, i -> Float.NEGATIVE_INFINITY));
        try (LlamaSession session = open()) {
            GenerationOptions options =
                    GREEDY.withSampling(SamplingOptions.greedy().withLogitBias(all));
            assertThatThrownBy(() -> session.generate(FRANCE, options))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("forbids all 1024 tokens");
            assertThat(say(session, GREEDY)).isEqualTo(PARIS);
        }
    }

    @ParameterizedTest
    @ValueSource(floats = {1e6f, 1e5f, 50})
    void whatTheLargestLogitForcesIsChosenAtEveryTemperature(float logit) {
        int zebra = tokenizer.encode("z", false, false)[0];
        for (float temperature : new float[] {0, 1e-7f, 0.8f, 5}) {
            SamplingOptions sampling =
                    SamplingOptions.defaults()
                            .withTemperature(temperature)
                            .withPenalties(new SamplingOptions.Penalties(64, 1.3f, 0.1f, 0.1f))
                            .withProcessors(
                                    (tokens, generated, logits) -> {
                                        IntStream.range(0, model.vocabularySize())
                                                .forEach(i -> set(logits, i, -Float.MAX_VALUE));
                                        set(logits, zebra, logit);
                                    });
            assertThat(say(GREEDY.withMaxTokens(3).withSampling(sampling))).isEqualTo("zzz");
        }
    }

    private static List<SamplingOptions> steps() {
        SamplingOptions plain = SamplingOptions.defaults().withSeed(3).withTopK(0).withMinP(0);
        return List.of(
                SamplingOptions.greedy(),
                SamplingOptions.defaults(),
                plain.withTopP(1),
                plain.withTopP(0.5f),
                plain.withTypicalP(0.5f),
                plain.withMinP(0.9f),
                plain.withTopK(1),
                plain.withXtc(new SamplingOptions.Xtc(1, 0)),
                plain.withMirostat(new SamplingOptions.Mirostat(1, 5, 0.1f)),
                plain.withMirostat(new SamplingOptions.Mirostat(2, 5, 0.1f)),
                plain.withDry(new SamplingOptions.Dry(5, 2, 1, 64, List.of())),
                plain.withPenalties(new SamplingOptions.Penalties(64, 1000, 1000, -1000)),
                plain.withPenalties(new SamplingOptions.Penalties(64, 0.001f, -1000, 1000)));
    }

    @ParameterizedTest
    @MethodSource("steps")
    void everyStepLivesWithEveryLogitThatIsAllowed(SamplingOptions steps) {
        float[] kinds = {Float.NEGATIVE_INFINITY, -Float.MAX_VALUE, -1e30f, 7, 1e6f};
        LogitsProcessor wild =
                (tokens, generated, logits) -> {
                    for (int i = 0; i < model.vocabularySize(); i++) {
                        boolean isEnd = tokenizer.isEndOfGeneration(i);
                        set(logits, i, isEnd ? kinds[0] : kinds[(i + generated) % kinds.length]);
                    }
                };
        try (LlamaSession session = open();
                TokenStream answer =
                        session.generate(FRANCE, GREEDY.withSampling(steps.withProcessors(wild)))) {
            answer.text();
            int[] tokens = answer.tokens();
            assertThat(tokens).hasSize(40);
            assertThat(IntStream.range(0, 40))
                    .allMatch(i -> kinds[(tokens[i] + i) % kinds.length] == 1e6f);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 1024, Integer.MAX_VALUE, Integer.MIN_VALUE})
    void aTokenThatDoesNotExistIsRefused(int token) {
        assertFails(
                sampledBy((tokens, generated, logits) -> token),
                IllegalStateException.class,
                "the sampler chose token " + token,
                "vocabulary of 1024 tokens");
    }

    @Test
    void aSamplerCannotLeaveAGrammar() {
        int wrong = tokenizer.encode("q", false, false)[0];
        assertFails(
                sampledBy((tokens, generated, logits) -> wrong)
                        .withGrammar(Grammar.gbnf("root ::= \"zebra\"")),
                IllegalStateException.class,
                "the sampler chose token " + wrong + ", which the grammar does not allow");
    }

    @Test
    void aProcessorThatForbidsAllThatAGrammarAllowsIsToldFromTheGrammar() {
        int wrong = tokenizer.encode("q", false, false)[0];
        assertFails(
                with((tokens, generated, logits) -> only(logits, wrong))
                        .withGrammar(Grammar.gbnf("root ::= \"zebra\"")),
                GrammarException.class,
                "a logits processor or the model forbids");
        assertFails(
                GREEDY.withSampling(
                                SamplingOptions.greedy()
                                        .withProcessors(
                                                (tokens, generated, logits) -> only(logits, wrong))
                                        .withSampler((tokens, generated, logits) -> wrong))
                        .withGrammar(Grammar.gbnf("root ::= \"zebra\"")),
                GrammarException.class,
                "a logits processor or the model forbids");
    }

    @Test
    void itsSessionIsBusyMeanwhile() {
        try (LlamaSession session = open()) {
            AtomicReference<TokenStream> stream = new AtomicReference<>();
            GenerationOptions options =
                    with(
                            (tokens, generated, logits) -> {
                                assertThatThrownBy(session::reset)
                                        .isInstanceOf(IllegalStateException.class)
                                        .hasMessageContaining("further up in this call");
                                assertThatThrownBy(session::close)
                                        .isInstanceOf(IllegalStateException.class);
                                if (generated == 2) {
                                    stream.get().close();
                                }
                            });
            try (TokenStream answer = session.generate(FRANCE, options)) {
                stream.set(answer);
                assertThat(PARIS).startsWith(answer.text());
                assertThat(answer.stopReason()).contains(StopReason.CANCELLED);
                assertThat(answer.tokens()).hasSize(3);
            }
            assertThat(say(session, GREEDY)).isEqualTo(PARIS);
        }
    }

    @Test
    void worksInAChat() {
        try (LlamaSession session = open()) {
            Chat chat = new Chat(session);
            assertThatThrownBy(
                            () ->
                                    chat.ask(
                                            "What is the capital of France?",
                                            sampledBy((tokens, generated, logits) -> -1)))
                    .isInstanceOf(IllegalStateException.class);
            assertThat(
                            chat.ask(
                                            "What is the capital of France?",
                                            sampledBy(
                                                    (tokens, generated, logits) -> argmax(logits)))
                                    .content())
                    .isEqualTo(PARIS);
        }
    }

    @Test
    void aProcessorIsNotBlamedForADamagedModel() throws IOException {
        RawGguf gguf = RawGguf.copyOf(DemoModel.PATH);
        byte[] norm =
                gguf.tensors.stream()
                        .filter(tensor -> tensor.name().equals("output_norm.weight"))
                        .findFirst()
                        .orElseThrow()
                        .data();
        for (int i = 0; i < norm.length; i += 4) {
            norm[i + 2] = (byte) 0xC0;
            norm[i + 3] = 0x7F;
        }
        AtomicInteger calls = new AtomicInteger();
        try (LlamaModel damaged = LlamaModel.load(gguf.write(folder.resolve("nan.gguf")));
                LlamaSession session = damaged.newSession(DemoModel.ONE_THREAD);
                TokenStream answer =
                        session.generate(
                                FRANCE,
                                with((tokens, generated, logits) -> calls.incrementAndGet()))) {
            assertThatThrownBy(answer::text)
                    .isInstanceOf(DecodeException.class)
                    .hasMessageContaining("logits that are not numbers");
            assertThat(calls).hasValue(0);
        }
    }
}
