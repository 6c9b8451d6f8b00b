package io.github.bigllama.core;

import static io.github.bigllama.core.JavaSamplings.FRANCE;
import static io.github.bigllama.core.JavaSamplings.GREEDY;
import static io.github.bigllama.core.JavaSamplings.PARIS;
import static io.github.bigllama.core.JavaSamplings.argmax;
import static io.github.bigllama.core.JavaSamplings.get;
import static io.github.bigllama.core.JavaSamplings.only;
import static io.github.bigllama.core.JavaSamplings.sampledBy;
import static io.github.bigllama.core.JavaSamplings.set;
import static io.github.bigllama.core.JavaSamplings.with;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.LogitsProcessor;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.option.TokenSampler;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.testing.DemoModel;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Processors of logits, and samplers, that a user writes. */
class JavaSamplingTest extends JavaSamplingCase {
    private static final String REPEATS =
            "one two three four five six seven eight nine ten ".repeat(4);

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
}
