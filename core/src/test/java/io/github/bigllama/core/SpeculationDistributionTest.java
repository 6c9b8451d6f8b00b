package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Answers with drafts are distributed as the model says. Three tokens are drawn, each one of four,
 * and the frequencies of the 64 answers are compared with the products of the probabilities that
 * the model computes.
 */
class SpeculationDistributionTest {
    private static final int[] LETTERS = {40, 41, 42, 43};
    private static final int[] BEGIN = {50, 51, 52};
    private static final int[] DRAFT = {43, 40, 42, 41, 43, 41, 40, 42, 43, 40, 41, 42};

    /** So that no answer is rare. */
    private static final float TEMPERATURE = 2;

    private static final int TOKENS = 3;
    private static final int ANSWERS = 64;
    private static final int DRAWS = 20_000;

    /** χ² with 63 degrees of freedom exceeds this with a probability of 0.01. */
    private static final double CRITICAL = 92.010;

    @TempDir private static Path folder;

    private static LlamaModel model;
    private static LlamaSession session;

    /** By the answer so far: the probability of each letter. */
    private static double[][] next;

    @BeforeAll
    static void open() throws IOException {
        Path path = folder.resolve("tiny.gguf");
        Shape shape = new Shape("llama", 2, 64, 64, 2, 2, 32, 0, 0, false);
        RandomModel.write(path, shape, Gguf.read(DemoModel.PATH), false, fraction -> true);
        model = LlamaModel.load(path);
        session =
                model.newSession(
                        SessionOptions.defaults()
                                .withContextSize(256)
                                .withThreads(1, 1)
                                .withSpeculation(Speculation.NGRAM));
        next = new double[1 + 4 + 16][];
        for (int answer = 0; answer < next.length; answer++) {
            next[answer] = probabilities(answer);
        }
    }

    @AfterAll
    static void close() {
        session.close();
        model.close();
    }

    /** A prompt whose end, followed by any letter, stands in it before, so that all is drafted. */
    private static int[] prompt() {
        IntStream blocks =
                Arrays.stream(LETTERS)
                        .flatMap(
                                letter ->
                                        IntStream.concat(
                                                Arrays.stream(BEGIN),
                                                IntStream.concat(
                                                        IntStream.of(letter),
                                                        Arrays.stream(DRAFT))));
        return IntStream.concat(blocks, Arrays.stream(BEGIN)).toArray();
    }

    /** Answers so far are numbered by their length, then as numbers of base 4. */
    private static int after(int answer, int letter) {
        return 4 * answer + letter + 1;
    }

    private static double[] probabilities(int answer) {
        IntStream.Builder letters = IntStream.builder();
        int[] reversed = new int[TOKENS];
        int length = 0;
        for (int rest = answer; rest > 0; rest = (rest - 1) / 4) {
            reversed[length++] = (rest - 1) % 4;
        }
        Arrays.stream(prompt()).forEach(letters::add);
        while (length > 0) {
            letters.add(LETTERS[reversed[--length]]);
        }
        session.reset();
        session.decode(letters.build().toArray());
        MemorySegment logits = session.logits();
        double[] weights =
                Arrays.stream(LETTERS)
                        .mapToDouble(
                                token ->
                                        Math.exp(
                                                logits.getAtIndex(ValueLayout.JAVA_FLOAT, token)
                                                        / TEMPERATURE))
                        .toArray();
        double sum = Arrays.stream(weights).sum();
        return Arrays.stream(weights).map(weight -> weight / sum).toArray();
    }

    private static double chiSquared(int[] counts) {
        double sum = 0;
        for (int answer = 0; answer < ANSWERS; answer++) {
            double expected = DRAWS;
            int before = 0;
            for (int divisor = 16; divisor > 0; divisor /= 4) {
                int letter = answer / divisor % 4;
                expected *= next[before][letter];
                before = after(before, letter);
            }
            // Where fewer are expected, the statistic is not distributed as χ².
            assertThat(expected).isGreaterThan(5);
            sum += (counts[answer] - expected) * (counts[answer] - expected) / expected;
        }
        return sum;
    }

    private static int letter(int token) {
        return token - LETTERS[0];
    }

    @Test
    void answersAreDistributedAsTheModelSays() {
        Map<Integer, Float> others =
                IntStream.range(0, model.vocabularySize())
                        .filter(token -> token < LETTERS[0] || token > LETTERS[3])
                        .boxed()
                        .collect(Collectors.toMap(t -> t, t -> Float.NEGATIVE_INFINITY));
        SamplingOptions sampling =
                SamplingOptions.defaults()
                        .withTemperature(TEMPERATURE)
                        .withTopK(0)
                        .withTopP(1)
                        .withMinP(0)
                        .withPenalties(SamplingOptions.Penalties.OFF)
                        .withLogitBias(others);
        GenerationOptions options = GenerationOptions.defaults().withMaxTokens(TOKENS + 1);
        int[] prompt = prompt();
        int[] counts = new int[ANSWERS];
        long accepted = 0;
        long drafted = 0;
        for (int seed = 0; seed < DRAWS; seed++) {
            GenerationOptions seeded = options.withSampling(sampling.withSeed(seed));
            try (TokenStream answer = session.generate(prompt, seeded)) {
                answer.text();
                int[] tokens = answer.tokens();
                counts[16 * letter(tokens[0]) + 4 * letter(tokens[1]) + letter(tokens[2])]++;
                SpeculationStats stats = answer.stats().speculation().orElseThrow();
                accepted += stats.accepted();
                drafted += stats.drafted();
            }
        }
        assertThat(accepted).isGreaterThan(DRAWS / 8);
        assertThat(drafted).isGreaterThan(accepted);
        assertThat(chiSquared(counts)).isLessThan(CRITICAL);
    }

    /**
     * A draft that is accepted with the model's probability, and otherwise replaced by a draw that
     * may be the draft again, comes too often.
     */
    @Test
    void aWrongRuleFailsTheTest() {
        SplittableRandom random = new SplittableRandom(1);
        int[] counts = new int[ANSWERS];
        for (int i = 0; i < DRAWS; i++) {
            int first = draw(next[0], random);
            int before = after(0, first);
            int second = letter(DRAFT[0]);
            if (random.nextDouble() >= next[before][second]) {
                second = draw(next[before], random);
            }
            int third = draw(next[after(before, second)], random);
            counts[16 * first + 4 * second + third]++;
        }
        assertThat(chiSquared(counts)).isGreaterThan(CRITICAL);
    }

    @Test
    void theRightRulePassesIt() {
        SplittableRandom random = new SplittableRandom(1);
        int[] counts = new int[ANSWERS];
        for (int i = 0; i < DRAWS; i++) {
            int first = draw(next[0], random);
            int second = draw(next[after(0, first)], random);
            int third = draw(next[after(after(0, first), second)], random);
            counts[16 * first + 4 * second + third]++;
        }
        assertThat(chiSquared(counts)).isLessThan(CRITICAL);
    }

    private static int draw(double[] probabilities, SplittableRandom random) {
        double left = random.nextDouble();
        for (int letter = 0; letter < 3; letter++) {
            left -= probabilities[letter];
            if (left < 0) {
                return letter;
            }
        }
        return 3;
    }
}
