package io.github.bigllama.core.eval;

/** Mean and standard error of numbers that are added one by one. */
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

    /** The standard error of the mean. */
    double standardError() {
        double variance = squares / count - mean() * mean();
        return count > 1 && variance > 0 ? Math.sqrt(variance / (count - 1)) : 0;
    }
}
