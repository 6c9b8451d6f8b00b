package io.github.bigllama.core.eval;

/** Sums of numbers, and of their squares. */
final class Moments {
    private int count;
    private double sum;
    private double squares;

    void add(double value) {
        count++;
        sum += value;
        squares += value * value;
    }

    void addAll(double[] values) {
        for (double value : values) {
            add(value);
        }
    }

    int count() {
        return count;
    }

    double mean() {
        return sum / count;
    }

    /** Of the mean. */
    double standardError() {
        double variance = squares / count - mean() * mean();
        return count > 1 && variance > 0 ? Math.sqrt(variance / (count - 1)) : 0;
    }
}
