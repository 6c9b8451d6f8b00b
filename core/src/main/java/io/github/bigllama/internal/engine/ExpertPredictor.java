package io.github.bigllama.internal.engine;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;

/**
 * Predicts the experts that the next layer will choose while this one is computed, by applying the
 * next layer's router to the input of this layer's. Layers change their input little, so that the
 * first few predicted experts are mostly right; how many can be relied on is learned from the
 * actual choices. Not thread-safe.
 */
final class ExpertPredictor {
    /** The largest share of reads for predictions that may turn out useless. */
    private static final double WASTE = 0.05;

    /** Number of predictions before any is used. */
    private static final int TRIAL = 32;

    /** The approximate number of predictions that a hit rate is averaged over. */
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

    private final TreeMap<Integer, Router> routers = new TreeMap<>();

    /** By layer: the predicted experts, the likeliest first. */
    private final Map<Integer, int[]> predictions = new HashMap<>();

    /** By place in a prediction: how often that expert was chosen. */
    private double[] hitRate = {};

    /** Number of predictions that have been graded. */
    private long graded;

    private long passes;

    /** A row of a router, reused. */
    private float[] row = {};

    /** Sets the router of a layer. */
    void learn(int layer, Router router) {
        routers.put(layer, router);
    }

    boolean knows(int layer) {
        return routers.containsKey(layer);
    }

    /** The next layer that has a router; -1 if there is none. */
    int next(int layer) {
        Integer next = routers.higherKey(layer);
        return next == null ? -1 : next;
    }

    /**
     * The experts that the next layer with a router will probably choose, as many as are worth
     * reading.
     *
     * @param layer the layer whose routing is known
     * @param input the address of its router's input, for one token
     * @param used number of experts that a token uses
     */
    int[] next(int layer, long input, int used) {
        Router here = routers.get(layer);
        int next = next(layer);
        Router there = routers.get(next);
        if (here == null || there == null || here.width != there.width) {
            return new int[0];
        }
        float[] x = new float[here.width];
        for (int i = 0; i < x.length; i++) {
            x[i] = at(input, i);
            if (here.norm != 0 && there.norm != 0) {
                x[i] *= at(there.norm, i) / at(here.norm, i);
            }
        }
        int[] likeliest = likeliest(there, x, used);
        predictions.put(next, likeliest);
        return Arrays.copyOf(likeliest, believed(used));
    }

    private int[] likeliest(Router router, float[] x, int count) {
        float[] logits = new float[router.experts];
        if (row.length != x.length) {
            row = new float[x.length];
        }
        for (int expert = 0; expert < router.experts; expert++) {
            GraphTensor.floats(router.weight + (long) expert * router.width * Float.BYTES, row);
            logits[expert] = product(row, x);
        }
        int[] places = new int[Math.min(count, router.experts)];
        for (int place = 0; place < places.length; place++) {
            int best = 0;
            for (int expert = 1; expert < logits.length; expert++) {
                if (logits[expert] > logits[best]) {
                    best = expert;
                }
            }
            places[place] = best;
            logits[best] = Float.NEGATIVE_INFINITY;
        }
        return places;
    }

    /** Four independent sums keep the core's units busy. */
    private static float product(float[] a, float[] b) {
        float first = 0;
        float second = 0;
        float third = 0;
        float fourth = 0;
        int i = 0;
        for (; i + 4 <= a.length; i += 4) {
            first += a[i] * b[i];
            second += a[i + 1] * b[i + 1];
            third += a[i + 2] * b[i + 2];
            fourth += a[i + 3] * b[i + 3];
        }
        for (; i < a.length; i++) {
            first += a[i] * b[i];
        }
        return first + second + (third + fourth);
    }

    private static float at(long address, int index) {
        return GraphTensor.floatAt(address + (long) index * Float.BYTES);
    }

    /** The number of first places that on average do not waste more reads than allowed. */
    private int believed(int used) {
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

    /** Grades the prediction for a layer by the experts that it has chosen. */
    void chosen(int layer, int[] experts) {
        int[] prediction = predictions.remove(layer);
        if (prediction == null) {
            return;
        }
        if (hitRate.length < prediction.length) {
            hitRate = Arrays.copyOf(hitRate, prediction.length);
        }
        graded++;
        for (int place = 0; place < prediction.length; place++) {
            int expected = prediction[place];
            boolean hit = Arrays.stream(experts).anyMatch(expert -> expert == expected);
            hitRate[place] += ((hit ? 1 : 0) - hitRate[place]) / Math.min(graded, MEMORY);
        }
    }

    /**
     * Begins a pass, without predictions.
     *
     * @return whether it is worth while to predict in this pass: what costs time and is never read
     *     is only tried now and then
     */
    boolean begin() {
        predictions.clear();
        return graded < MEMORY || believed(hitRate.length) > 0 || passes++ % REST == 0;
    }
}
