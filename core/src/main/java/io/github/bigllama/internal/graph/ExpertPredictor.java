package io.github.bigllama.internal.graph;

import io.github.bigllama.internal.pager.Pass;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * Predicts the experts that the next layers will choose while this one is computed, by applying
 * their routers to the input of this layer's. Layers change their input little, so that the first
 * few predicted experts are mostly right; how many can be relied on is learned from the actual
 * choices, for each distance by itself. Not thread-safe.
 */
final class ExpertPredictor {
    /**
     * How many layers ahead is predicted. Layers miss different numbers of experts: two at a time
     * keep the disk busy where one misses none.
     */
    private static final int AHEAD = 2;

    /** The largest share of reads for predictions that may turn out useless. */
    private static final double WASTE = 0.05;

    /** Number of layers whose predictions are graded before any is used. */
    private static final int TRIAL = 32;

    /** The approximate number of layers that a hit rate is averaged over. */
    private static final int MEMORY = 256;

    /** The number of passes of which one predicts while no prediction is worth reading. */
    private static final int REST = 32;

    /**
     * A router of 32-bit floats.
     *
     * @param weight the address of its matrix, with one row per expert
     * @param norm the address of the weights of the norm before it; 0 if there is none
     */
    record Router(long weight, long norm, int width, int experts) {}

    /**
     * The experts that a layer will probably choose for any token, as many as are worth reading.
     *
     * @param experts the likeliest of each token, then the second of each
     */
    record Prediction(int layer, int[] experts) {}

    /** By layer. */
    private final TreeMap<Integer, Known> routers = new TreeMap<>();

    /** The predictions of each distance, the next layer's first. */
    private final List<Grades> distances = Stream.generate(Grades::new).limit(AHEAD).toList();

    private final Arena arena;

    /**
     * The layers for which only tokens with outputs were left: the last one, unless all have
     * outputs.
     */
    private final BitSet onlyOutputs = new BitSet();

    /** The number of tokens in the previous layer. */
    private int previousTokens;

    /** Applies routers, which usually have one shape. */
    private MatrixProduct product;

    /** A router, and a copy of its matrix. */
    private record Known(Router router, MemorySegment copy) {}

    /** Predictions over one distance, and how good they have been. */
    private static final class Grades {
        /** By layer and token: the predicted experts, the likeliest first. */
        private final Map<Integer, int[][]> predictions = new HashMap<>();

        /** By place in a prediction: how often that expert was chosen. */
        private double[] hitRate = {};

        /** Number of predictions that have been graded. */
        private long graded;

        private long passes;
        private boolean predicts;

        /** Begins a pass; what costs time and is never read is only tried now and then. */
        void begin() {
            predictions.clear();
            predicts = graded < MEMORY || believed(hitRate.length) > 0 || passes++ % REST == 0;
        }

        /** The number of first places that on average do not waste more reads than allowed. */
        int believed(int used) {
            if (graded < TRIAL || hitRate.length < used) {
                return 0;
            }
            double hits = 0;
            int places = 0;
            while (places < used && hits + hitRate[places] >= (places + 1) * (1 - WASTE)) {
                hits += hitRate[places++];
            }
            return places;
        }

        /** Of each token, the experts that are worth reading. */
        int[] believed(int[][] prediction, int used) {
            int places = believed(used);
            return IntStream.range(0, places)
                    .flatMap(place -> Arrays.stream(prediction).mapToInt(token -> token[place]))
                    .distinct()
                    .toArray();
        }

        /** Grades the prediction for a layer by the experts that it has chosen for each token. */
        void chosen(int layer, int tokens, int[] experts) {
            int[][] prediction = predictions.remove(layer);
            // A prediction for another number of tokens can't be compared.
            if (prediction == null || prediction.length != tokens) {
                return;
            }
            int used = experts.length / tokens;
            double[] hits = new double[prediction[0].length];
            for (int token = 0; token < tokens; token++) {
                BitSet chosen = new BitSet();
                for (int i = token * used; i < (token + 1) * used; i++) {
                    chosen.set(experts[i]);
                }
                for (int place = 0; place < hits.length; place++) {
                    hits[place] += chosen.get(prediction[token][place]) ? 1.0 / tokens : 0;
                }
            }
            grade(hits);
        }

        private void grade(double[] hits) {
            if (hitRate.length < hits.length) {
                hitRate = Arrays.copyOf(hitRate, hits.length);
            }
            graded++;
            for (int place = 0; place < hits.length; place++) {
                hitRate[place] += (hits[place] - hitRate[place]) / Math.min(graded, MEMORY);
            }
        }
    }

    /**
     * Knows no routers yet.
     *
     * @param arena as long as it lives the predictor may be used
     */
    ExpertPredictor(Arena arena) {
        this.arena = arena;
    }

    /** Sets the router of a layer, which is in use now: its matrix is copied. */
    void learn(int layer, Router router) {
        routers.put(layer, new Known(router, product(router).copy(router.weight)));
    }

    /** Bytes of memory for copies of routers. */
    long copied() {
        return routers.values().stream().mapToLong(known -> known.copy.byteSize()).sum();
    }

    boolean knows(int layer) {
        return routers.containsKey(layer);
    }

    /**
     * The experts that the next layers with routers will probably choose, the next one's first.
     *
     * @param layer the layer whose routing is known
     * @param input the address of its router's input, token after token
     * @param tokens {@link Pass#MOST_PREDICTED} at most
     * @param used number of experts that a token uses
     */
    List<Prediction> next(int layer, long input, int tokens, int used) {
        List<Prediction> next = new ArrayList<>();
        Known here = routers.get(layer);
        Map.Entry<Integer, Known> there = routers.higherEntry(layer);
        for (Grades grades : distances) {
            if (here == null || there == null) {
                break;
            }
            int width = here.router.width;
            if (grades.predicts && width == there.getValue().router.width) {
                // Of a prompt, usually only the last token has outputs.
                int count = onlyOutputs.get(there.getKey()) ? 1 : tokens;
                long at = input + (long) (tokens - count) * width * Float.BYTES;
                float[] x = GraphTensor.floats(at, count * width);
                scale(x, here.router, there.getValue().router);
                int[][] likeliest = likeliest(there.getValue(), x, used);
                grades.predictions.put(there.getKey(), likeliest);
                next.add(new Prediction(there.getKey(), grades.believed(likeliest, used)));
            }
            there = routers.higherEntry(there.getKey());
        }
        return next;
    }

    /**
     * Multiplies inputs of a router by what the norm before another one differs, if both have one.
     */
    private static void scale(float[] x, Router here, Router there) {
        if (here.norm == 0 || there.norm == 0) {
            return;
        }
        float[] before = GraphTensor.floats(here.norm, here.width);
        float[] factors = GraphTensor.floats(there.norm, here.width);
        for (int i = 0; i < factors.length; i++) {
            factors[i] /= before[i];
        }
        for (int from = 0; from < x.length; from += factors.length) {
            for (int i = 0; i < factors.length; i++) {
                x[from + i] *= factors[i];
            }
        }
    }

    /** Of each input, the experts that a router is likeliest to choose. */
    private int[][] likeliest(Known known, float[] inputs, int used) {
        Router there = known.router;
        float[] logits = product(there).of(known.copy, inputs);
        int[][] likeliest = new int[inputs.length / there.width][];
        for (int token = 0; token < likeliest.length; token++) {
            int first = token * there.experts;
            likeliest[token] = largest(logits, first, first + there.experts, used);
        }
        return likeliest;
    }

    /** The numbers of the largest values of a part of an array, the largest first. */
    private static int[] largest(float[] values, int from, int to, int count) {
        int[] largest = new int[Math.min(count, to - from)];
        for (int place = 0; place < largest.length; place++) {
            int best = from;
            for (int i = from + 1; i < to; i++) {
                if (values[i] > values[best]) {
                    best = i;
                }
            }
            largest[place] = best - from;
            values[best] = Float.NEGATIVE_INFINITY;
        }
        return largest;
    }

    private MatrixProduct product(Router router) {
        if (product == null || !product.isFor(router.width, router.experts)) {
            product = new MatrixProduct(router.width, router.experts, Pass.MOST_PREDICTED, arena);
        }
        return product;
    }

    /**
     * Grades the predictions for a layer.
     *
     * @param experts those that it has chosen, token after token
     */
    void chosen(int layer, int tokens, int[] experts) {
        if (routers.lowerKey(layer) != null && previousTokens > 1) {
            onlyOutputs.set(layer, tokens < previousTokens);
        }
        previousTokens = tokens;
        distances.forEach(grades -> grades.chosen(layer, tokens, experts));
    }

    /**
     * Begins a pass, without predictions.
     *
     * @return whether it is worth while to predict in this pass
     */
    boolean begin() {
        distances.forEach(Grades::begin);
        return distances.stream().anyMatch(grades -> grades.predicts);
    }
}
