package io.github.bigllama.internal.engine;

import java.lang.foreign.MemorySegment;
import java.util.Comparator;
import java.util.PriorityQueue;

/** Log-probabilities of tokens: a log-softmax of logits, in double precision. Not thread-safe. */
public final class Logprobs {
    private final float[] logits;
    private float largest;

    /** The logarithm of the sum of exp(x - largest); NaN until it is asked for. */
    private double logOfSum;

    public Logprobs(int vocabularySize) {
        logits = new float[vocabularySize];
    }

    /** Reads logits, which may change afterwards. */
    public void read(MemorySegment from) {
        MemorySegment.ofArray(logits).copyFrom(from);
        logOfSum = Double.NaN;
    }

    /** The log-probability of a token. */
    public double of(int token) {
        if (Double.isNaN(logOfSum)) {
            largest = largest(logits);
            logOfSum = logOfSum(logits, largest);
        }
        // In this order: the sum would be lost beside a large logit.
        return (double) logits[token] - largest - logOfSum;
    }

    /**
     * The most likely tokens, the most likely first, and of equals the one with the smaller id.
     *
     * @param count 1 or more
     */
    public int[] top(int count) {
        Comparator<Integer> byLikelihood =
                Comparator.<Integer>comparingDouble(token -> logits[token])
                        .thenComparing(Comparator.reverseOrder());
        PriorityQueue<Integer> best = new PriorityQueue<>(byLikelihood);
        int wanted = Math.min(count, logits.length);
        for (int token = 0; token < logits.length; token++) {
            if (best.size() < wanted) {
                best.add(token);
            } else if (logits[token] > logits[best.element()]) {
                best.remove();
                best.add(token);
            }
        }
        int[] top = new int[wanted];
        for (int i = wanted - 1; i >= 0; i--) {
            top[i] = best.remove();
        }
        return top;
    }

    /** The logarithm of the sum of exp(x) over a row, without overflow. */
    public static double logOfSum(float[] row) {
        float largest = largest(row);
        return largest + logOfSum(row, largest);
    }

    private static float largest(float[] row) {
        float largest = Float.NEGATIVE_INFINITY;
        for (float x : row) {
            largest = Math.max(largest, x);
        }
        return largest;
    }

    private static double logOfSum(float[] row, float largest) {
        double sum = 0;
        for (float x : row) {
            sum += Math.exp((double) x - largest);
        }
        return Math.log(sum);
    }
}
