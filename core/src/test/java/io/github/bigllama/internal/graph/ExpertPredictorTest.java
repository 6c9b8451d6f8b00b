package io.github.bigllama.internal.graph;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.internal.graph.ExpertPredictor.Prediction;
import io.github.bigllama.internal.graph.ExpertPredictor.Router;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Routers of 16 experts, applied to vectors of 37 values. */
class ExpertPredictorTest {
    private static final int WIDTH = 37;
    private static final int EXPERTS = 16;
    private static final int USED = 3;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(1);
    private final ExpertPredictor predictor = new ExpertPredictor(arena);

    /**
     * What a router that chooses an expert for each of the first values of its input looks like.
     */
    private final MemorySegment onePlace = arena.allocate(4L * WIDTH * EXPERTS, 4);

    @AfterEach
    void close() {
        arena.close();
    }

    private void routers(long normHere, long normThere) {
        for (int expert = 0; expert < EXPERTS; expert++) {
            onePlace.setAtIndex(ValueLayout.JAVA_FLOAT, (long) expert * WIDTH + expert, 1);
        }
        predictor.learn(4, new Router(onePlace.address(), normHere, WIDTH, EXPERTS));
        predictor.learn(6, new Router(onePlace.address(), normThere, WIDTH, EXPERTS));
        predictor.begin();
    }

    /** What is believed of the prediction for layer 6. */
    private int[] next(MemorySegment input) {
        Prediction next = predictor.next(4, input.address(), 1, USED).getFirst();
        assertThat(next.layer()).isEqualTo(6);
        return next.experts();
    }

    private MemorySegment vector(float... values) {
        MemorySegment vector = arena.allocate(4L * WIDTH, 4);
        for (int i = 0; i < values.length; i++) {
            vector.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
        }
        return vector;
    }

    private MemorySegment randomVector() {
        float[] values = new float[WIDTH];
        for (int i = 0; i < WIDTH; i++) {
            values[i] = random.nextFloat();
        }
        return vector(values);
    }

    /** The largest of the first values. */
    private static int[] largest(MemorySegment input) {
        return IntStream.range(0, EXPERTS)
                .boxed()
                .sorted(
                        (a, b) ->
                                Float.compare(
                                        input.getAtIndex(ValueLayout.JAVA_FLOAT, b),
                                        input.getAtIndex(ValueLayout.JAVA_FLOAT, a)))
                .limit(USED)
                .mapToInt(Integer::intValue)
                .toArray();
    }

    @Test
    void aPredictionThatHasBeenRightIsBelieved() {
        routers(0, 0);
        for (int i = 0; i < 100; i++) {
            MemorySegment input = randomVector();
            int[] likely = next(input);
            assertThat(likely).isEqualTo(i < 32 ? new int[0] : largest(input));
            predictor.chosen(6, 1, largest(input));
        }
    }

    @Test
    void onlyThePlacesThatAreRightAreBelieved() {
        routers(0, 0);
        for (int i = 0; i < 500; i++) {
            MemorySegment input = randomVector();
            next(input);
            predictor.chosen(6, 1, new int[] {largest(input)[0], 17, 18});
        }
        MemorySegment input = randomVector();
        assertThat(next(input)).containsExactly(largest(input)[0]);
    }

    @Test
    void aPredictionThatIsNoLongerRightIsNotBelievedForLong() {
        routers(0, 0);
        for (int i = 0; i < 400; i++) {
            MemorySegment input = randomVector();
            next(input);
            predictor.chosen(6, 1, i < 300 ? largest(input) : new int[] {17, 18, 19});
        }
        assertThat(next(randomVector())).isEmpty();
    }

    @Test
    void theNormsOfTheTwoLayersAreToldApart() {
        float[] ones = new float[WIDTH];
        float[] falling = new float[WIDTH];
        Arrays.fill(ones, 1);
        for (int i = 0; i < WIDTH; i++) {
            falling[i] = 1f / (1 + i);
        }
        routers(vector(falling).address(), vector(ones).address());
        for (int i = 0; i < 50; i++) {
            MemorySegment plain = randomVector();
            float[] scaled = new float[WIDTH];
            for (int j = 0; j < WIDTH; j++) {
                scaled[j] = plain.getAtIndex(ValueLayout.JAVA_FLOAT, j) * falling[j];
            }
            int[] likely = next(vector(scaled));
            assertThat(likely).isEqualTo(i < 32 ? new int[0] : largest(plain));
            predictor.chosen(6, 1, largest(plain));
        }
    }

    @Test
    void eachDistanceIsBelievedAsFarAsItHasBeenRight() {
        routers(0, 0);
        predictor.learn(9, new Router(onePlace.address(), 0, WIDTH, EXPERTS));
        predictor.learn(10, new Router(onePlace.address(), 0, WIDTH, EXPERTS));
        for (int i = 0; i < 500; i++) {
            MemorySegment input = randomVector();
            predictor.next(4, input.address(), 1, USED);
            predictor.chosen(6, 1, largest(input));
            predictor.chosen(9, 1, new int[] {largest(input)[0], 17, 18});
        }
        MemorySegment input = randomVector();
        List<Prediction> next = predictor.next(4, input.address(), 1, USED);
        assertThat(next).extracting(Prediction::layer).containsExactly(6, 9);
        assertThat(next.getFirst().experts()).isEqualTo(largest(input));
        assertThat(next.getLast().experts()).containsExactly(largest(input)[0]);
    }

    /** First the likeliest of each, and what several choose once. */
    @Test
    void whatSeveralTokensChooseIsPredictedTogether() {
        routers(0, 0);
        MemorySegment inputs = arena.allocate(3 * 4L * WIDTH, 4);
        for (int i = 0; i < 40; i++) {
            int[] chosen = new int[3 * USED];
            List<Integer> union = new ArrayList<>();
            for (int token = 0; token < 3; token++) {
                MemorySegment input = randomVector();
                inputs.asSlice(token * 4L * WIDTH).copyFrom(input);
                System.arraycopy(largest(input), 0, chosen, token * USED, USED);
            }
            for (int place = 0; place < USED; place++) {
                for (int token = 0; token < 3; token++) {
                    union.add(chosen[token * USED + place]);
                }
            }
            int[] likely = predictor.next(4, inputs.address(), 3, USED).getFirst().experts();
            assertThat(likely)
                    .isEqualTo(
                            i < 32
                                    ? new int[0]
                                    : union.stream().distinct().mapToInt(e -> e).toArray());
            predictor.chosen(6, 3, chosen);
        }
    }

    /** In the last layer, only tokens with outputs are computed. */
    @Test
    void aLayerWithFewerTokensIsPredictedForTheLastOne() {
        routers(0, 0);
        MemorySegment inputs = arena.allocate(3 * 4L * WIDTH, 4);
        int[] ofLast = {};
        for (int i = 0; i < 40; i++) {
            for (int token = 0; token < 3; token++) {
                MemorySegment input = randomVector();
                inputs.asSlice(token * 4L * WIDTH).copyFrom(input);
                ofLast = largest(input);
            }
            predictor.chosen(4, 3, new int[3 * USED]);
            int[] likely = predictor.next(4, inputs.address(), 3, USED).getFirst().experts();
            assertThat(likely).isEqualTo(i < 33 ? new int[0] : ofLast);
            predictor.chosen(6, 1, ofLast);
        }
        // All have outputs again.
        predictor.chosen(4, 3, new int[3 * USED]);
        predictor.chosen(6, 3, new int[3 * USED]);
        predictor.next(4, inputs.address(), 3, USED);
        int[] likely = predictor.next(4, inputs.address(), 3, USED).getFirst().experts();
        assertThat(likely).hasSizeGreaterThan(USED).contains(ofLast[0]);
    }

    @Test
    void whatIsNeverRightIsSeldomPredicted() {
        routers(0, 0);
        predictor.learn(9, new Router(onePlace.address(), 0, WIDTH, EXPERTS));
        int[] predictions = new int[10];
        for (int pass = 0; pass < 1000; pass++) {
            assertThat(predictor.begin()).isTrue();
            MemorySegment input = randomVector();
            for (Prediction next : predictor.next(4, input.address(), 1, USED)) {
                predictions[next.layer()] += pass < 300 ? 0 : 1;
            }
            predictor.chosen(6, 1, largest(input));
            predictor.chosen(9, 1, new int[] {17, 18, 19});
        }
        assertThat(predictions[6]).isEqualTo(700);
        assertThat(predictions[9]).isBetween(10, 30);
    }

    @Test
    void routersOfDifferentShapesDoNotMix() {
        routers(0, 0);
        MemorySegment few = arena.allocate(4L * WIDTH * 4, 4);
        few.setAtIndex(ValueLayout.JAVA_FLOAT, 2L * WIDTH + 5, 1);
        predictor.learn(9, new Router(few.address(), 0, WIDTH, 4));
        predictor.learn(10, new Router(few.address(), 0, WIDTH + 1, 4));
        for (int i = 0; i < 40; i++) {
            MemorySegment input = randomVector();
            predictor.next(4, input.address(), 1, USED);
            predictor.next(6, input.address(), 1, 1);
            predictor.chosen(6, 1, largest(input));
            predictor.chosen(9, 1, new int[] {2});
        }
        MemorySegment input = randomVector();
        assertThat(next(input)).isEqualTo(largest(input));
        assertThat(predictor.next(6, input.address(), 1, 1).getFirst().experts())
                .containsExactly(2);
        assertThat(predictor.next(9, input.address(), 1, 1)).isEmpty();
    }

    @Test
    void nothingIsPredictedOfWhatIsNotKnown() {
        routers(0, 0);
        assertThat(predictor.knows(4)).isTrue();
        assertThat(predictor.knows(5)).isFalse();
        assertThat(predictor.next(5, randomVector().address(), 1, USED)).isEmpty();
        assertThat(predictor.next(6, randomVector().address(), 1, USED)).isEmpty();
        predictor.chosen(6, 1, new int[] {1});
    }

    /** Their copies have eight bits per value. */
    @Test
    void routersOfWholeBlocksAreCopied() {
        int width = 64;
        MemorySegment matrix = arena.allocate(4L * width * EXPERTS, 4);
        for (int expert = 0; expert < EXPERTS; expert++) {
            matrix.setAtIndex(ValueLayout.JAVA_FLOAT, (long) expert * width + 2 * expert, 1);
        }
        predictor.learn(0, new Router(matrix.address(), 0, width, EXPERTS));
        predictor.learn(1, new Router(matrix.address(), 0, width, EXPERTS));
        assertThat(predictor.copied()).isEqualTo(2L * width * EXPERTS * 34 / 32);
        matrix.fill((byte) 0);
        predictor.begin();
        MemorySegment input = arena.allocate(4L * width, 4);
        for (int i = 0; i < 50; i++) {
            int[] shuffled = random.ints(0, EXPERTS).distinct().limit(EXPERTS).toArray();
            for (int rank = 0; rank < EXPERTS; rank++) {
                input.setAtIndex(ValueLayout.JAVA_FLOAT, 2L * shuffled[rank], EXPERTS - rank);
            }
            int[] likely = predictor.next(0, input.address(), 1, USED).getFirst().experts();
            int[] largest = Arrays.copyOf(shuffled, USED);
            assertThat(likely).isEqualTo(i < 32 ? new int[0] : largest);
            predictor.chosen(1, 1, largest);
        }
    }
}
