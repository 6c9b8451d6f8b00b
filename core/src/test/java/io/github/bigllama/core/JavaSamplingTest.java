package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.LogitsProcessor;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.option.TokenSampler;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.GrammarException;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Processors of logits, and samplers, that a user writes. */
class JavaSamplingTest {
    private static final String FRANCE = DemoModel.prompt("What is the capital of France?");
    private static final String PARIS = "The capital of France is Paris.";
    private static final String REPEATS =
            "one two three four five six seven eight nine ten ".repeat(4);
    private static final GenerationOptions GREEDY = GenerationOptions.greedy().withMaxTokens(40);

    private static LlamaModel model;
    private static Tokenizer tokenizer;

    @TempDir private Path folder;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
        tokenizer = model.tokenizer();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static LlamaSession open() {
        return model.newSession(DemoModel.ONE_THREAD.withContextSize(1024));
    }

    private static GenerationOptions with(LogitsProcessor... processors) {
        return GREEDY.withSampling(SamplingOptions.greedy().withProcessors(processors));
    }

    private static GenerationOptions sampledBy(TokenSampler sampler) {
        return GREEDY.withSampling(SamplingOptions.greedy().withSampler(sampler));
    }

    private static String say(LlamaSession session, GenerationOptions options) {
        try (TokenStream answer = session.generate(FRANCE, options)) {
            return answer.text();
        }
    }

    private static String say(GenerationOptions options) {
        try (LlamaSession session = open()) {
            return say(session, options);
        }
    }

    private static void set(MemorySegment logits, int token, float value) {
        logits.setAtIndex(ValueLayout.JAVA_FLOAT, token, value);
    }

    private static float get(MemorySegment logits, int token) {
        return logits.getAtIndex(ValueLayout.JAVA_FLOAT, token);
    }

    private static int argmax(MemorySegment logits) {
        return IntStream.range(0, model.vocabularySize())
                .reduce((a, b) -> get(logits, b) > get(logits, a) ? b : a)
                .orElseThrow();
    }

    private static void only(MemorySegment logits, int token) {
        float logit = get(logits, token);
        logits.fill((byte) 0);
        IntStream.range(0, model.vocabularySize())
                .forEach(i -> set(logits, i, Float.NEGATIVE_INFINITY));
        set(logits, token, logit);
    }

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
    void aProcessorSeesTheTextAndChangesWhatIsChosen() {
        int[] prompt = tokenizer.encode(FRANCE);
        int[] dictated = tokenizer.encode("zebra 17 llamas", false, false);
        List<Integer> counts = new ArrayList<>();
        try (LlamaSession session = open();
                TokenStream answer =
                        session.generate(
                                FRANCE,
                                with((tokens, generated, logits) -> {
                                            counts.add(generated);
                                            assertThat(tokens)
                                                    .startsWith(prompt)
                                                    .hasSize(prompt.length + generated)
                                                    .endsWith(Arrays.copyOf(dictated, generated));
                                            assertThat(logits.byteSize())
                                                    .isEqualTo(4L * model.vocabularySize());
                                            tokens[0] = -1;
                                            only(logits, dictated[generated]);
                                        })
                                        .withMaxTokens(dictated.length))) {
            assertThat(answer.text()).isEqualTo("zebra 17 llamas");
            assertThat(counts).isEqualTo(IntStream.range(0, dictated.length).boxed().toList());
            assertThat(session.tokens()).startsWith(prompt);
        }
    }

    @Test
    void processorsRunInTheirOrder() {
        List<String> order = new ArrayList<>();
        float[] seen = new float[1];
        say(
                with(
                                (tokens, generated, logits) -> {
                                    order.add("first");
                                    set(logits, 7, 42);
                                },
                                (tokens, generated, logits) -> {
                                    order.add("second");
                                    seen[0] = get(logits, 7);
                                })
                        .withMaxTokens(2));
        assertThat(order).containsExactly("first", "second", "first", "second");
        assertThat(seen[0]).isEqualTo(42);
    }

    @Test
    void aProcessorComesBeforeTheBiasAndThePenalties() {
        int zebra = tokenizer.encode("z", false, false)[0];
        GenerationOptions options =
                GREEDY.withMaxTokens(1)
                        .withSampling(
                                SamplingOptions.greedy()
                                        .withLogitBias(Map.of(zebra, 1000f))
                                        .withProcessors(
                                                (tokens, generated, logits) ->
                                                        assertThat(get(logits, zebra))
                                                                .isLessThan(100)));
        assertThat(say(options)).isEqualTo("z");
    }

    @Test
    void writesToLlamaCppsOwnMemory() {
        try (LlamaSession session = open()) {
            say(session, with((tokens, generated, logits) -> set(logits, 5, -77)).withMaxTokens(1));
            assertThat(get(session.logits(), 5)).isEqualTo(-77);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theSegmentEndsWithTheCall(boolean isSampler) {
        AtomicReference<MemorySegment> kept = new AtomicReference<>();
        AtomicReference<Throwable> elsewhere = new AtomicReference<>();
        LogitsProcessor keep =
                (tokens, generated, logits) -> {
                    if (generated == 0) {
                        kept.set(logits);
                        Thread other =
                                Thread.ofPlatform()
                                        .uncaughtExceptionHandler((t, e) -> elsewhere.set(e))
                                        .start(() -> get(logits, 0));
                        join(other);
                    } else {
                        assertThatThrownBy(() -> get(kept.get(), 0))
                                .isInstanceOf(IllegalStateException.class);
                    }
                };
        TokenSampler sampler =
                (tokens, generated, logits) -> {
                    keep.process(tokens, generated, logits);
                    return argmax(logits);
                };
        assertThat(say(isSampler ? sampledBy(sampler) : with(keep))).isEqualTo(PARIS);
        assertThat(elsewhere.get()).isInstanceOf(WrongThreadException.class);
        assertThatThrownBy(() -> set(kept.get(), 0, 1)).isInstanceOf(IllegalStateException.class);
    }

    private static void join(Thread thread) {
        try {
            thread.join();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
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
                            throw JavaSamplingTest.<RuntimeException>unchecked(
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
    @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.MAX_VALUE, 1.1e30f})
    void aLogitThatNoSamplerCanUseIsRefused(float logit) {
        assertFails(
                with((tokens, generated, logits) -> {}, (t, g, logits) -> set(logits, 17, logit)),
                IllegalStateException.class,
                "logits processor 2 of 2 gave token 17 the logit " + logit,
                "at most 1.0E30");
    }

    @ParameterizedTest
    @ValueSource(floats = {Float.NEGATIVE_INFINITY, -Float.MAX_VALUE})
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
    @ValueSource(floats = {1e30f, 1e29f, 50})
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

    @Test
    void aSamplerReplacesTheChain() {
        List<Integer> counts = new ArrayList<>();
        String said =
                say(
                        GREEDY.withSampling(
                                SamplingOptions.defaults()
                                        .withTemperature(9)
                                        .withLogitBias(Map.of(3, 500f))
                                        .withSampler(
                                                (tokens, generated, logits) -> {
                                                    counts.add(generated);
                                                    return argmax(logits);
                                                })));
        assertThat(said).isEqualTo(PARIS);
        assertThat(counts).isEqualTo(IntStream.range(0, counts.size()).boxed().toList());
    }

    @Test
    void aSamplerSeesWhatProcessorsLeft() {
        int[] dictated = tokenizer.encode("llama", false, false);
        SamplingOptions sampling =
                SamplingOptions.greedy()
                        .withProcessors(
                                (tokens, generated, logits) -> only(logits, dictated[generated]))
                        .withSampler((tokens, generated, logits) -> argmax(logits));
        assertThat(say(GREEDY.withSampling(sampling).withMaxTokens(dictated.length)))
                .isEqualTo("llama");
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
    void aSamplerSeesOnlyWhatAGrammarAllows() {
        Grammar grammar = Grammar.gbnf("root ::= \"zebra \" [1-3] \"!\"");
        AtomicInteger possible = new AtomicInteger();
        GenerationOptions options =
                sampledBy(
                                (tokens, generated, logits) -> {
                                    possible.set(
                                            (int)
                                                    IntStream.range(0, model.vocabularySize())
                                                            .filter(
                                                                    i ->
                                                                            get(logits, i)
                                                                                    != Float
                                                                                            .NEGATIVE_INFINITY)
                                                            .count());
                                    assertThat(possible.get()).isBetween(1, 100);
                                    return argmax(logits);
                                })
                        .withGrammar(grammar);
        assertThat(say(options)).matches("zebra [1-3]!");
        assertThat(say(options)).isEqualTo(say(GREEDY.withGrammar(grammar)));
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
    void aGrammarHoldsWhateverAProcessorWants() {
        int wrong = tokenizer.encode("q", false, false)[0];
        List<Integer> calls = new ArrayList<>();
        GenerationOptions options =
                with((tokens, generated, logits) -> {
                            calls.add(generated);
                            set(logits, wrong, 1000);
                        })
                        .withGrammar(Grammar.gbnf("root ::= \"zebra\""));
        assertThat(say(options)).isEqualTo("zebra");
        assertThat(calls).isEqualTo(IntStream.range(0, calls.size()).boxed().toList());
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

    /** One call of a processor. */
    private record Call(List<Integer> tokens, int generated) {}

    private static List<Call> calls(Speculation speculation, SamplingOptions sampling) {
        List<Call> calls = new ArrayList<>();
        List<LogitsProcessor> processors = new ArrayList<>(sampling.processors());
        processors.add(
                (tokens, generated, logits) ->
                        calls.add(new Call(Arrays.stream(tokens).boxed().toList(), generated)));
        try (LlamaSession session =
                        model.newSession(
                                DemoModel.ONE_THREAD
                                        .withContextSize(1024)
                                        .withSpeculation(speculation));
                TokenStream answer =
                        session.generate(
                                REPEATS,
                                GREEDY.withMaxTokens(120)
                                        .withSampling(sampling.withProcessors(processors)))) {
            answer.text();
            assertThat(calls).hasSize(answer.tokens().length);
            if (speculation == Speculation.NGRAM) {
                assertThat(answer.stats().speculation().orElseThrow().accepted()).isPositive();
            }
        }
        return calls;
    }

    @ParameterizedTest
    @ValueSource(floats = {0, 1})
    void eachPlaceIsProcessedOnceAndInOrderWhereTokensAreGuessed(float temperature) {
        SamplingOptions rule =
                SamplingOptions.defaults()
                        .withTemperature(temperature)
                        .withSeed(5)
                        .withProcessors(
                                (tokens, generated, logits) -> {
                                    // No end, and now and then another word.
                                    for (int i = 0; i < model.vocabularySize(); i++) {
                                        if (tokenizer.isEndOfGeneration(i)) {
                                            set(logits, i, Float.NEGATIVE_INFINITY);
                                        }
                                    }
                                    if (tokens.length % 29 == 0) {
                                        set(logits, argmax(logits), -100);
                                    }
                                });
        assertThat(calls(Speculation.NGRAM, rule)).isEqualTo(calls(Speculation.OFF, rule));
        SamplingOptions sampled =
                rule.withSampler(
                        (tokens, generated, logits) ->
                                generated % 31 == 30 ? tokens[generated] : argmax(logits));
        assertThat(calls(Speculation.NGRAM, sampled)).isEqualTo(calls(Speculation.OFF, sampled));
    }

    @Test
    void sessionsThatShareAContextDoNotMeet() throws Exception {
        SessionOptions shared = DemoModel.ONE_THREAD.withContextSize(1024).withSequences(2);
        int[] dictated = tokenizer.encode("zebra 17 llamas", false, false);
        GenerationOptions dictation =
                with((tokens, generated, logits) -> only(logits, dictated[generated]))
                        .withMaxTokens(dictated.length);
        try (LlamaSession session = model.newSession(shared)) {
            session.decode(tokenizer.encode(FRANCE));
            try (LlamaSession fork = session.fork()) {
                String[] said = new String[1];
                Thread other = Thread.ofVirtual().start(() -> said[0] = say(fork, dictation));
                assertThat(say(session, GREEDY)).isEqualTo(PARIS);
                other.join();
                assertThat(said[0]).isEqualTo("zebra 17 llamas");
                assertThat(say(fork, GREEDY)).isEqualTo(PARIS);
            }
        }
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
