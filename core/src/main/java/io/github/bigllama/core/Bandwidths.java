package io.github.bigllama.core;

import io.github.bigllama.gguf.GgmlType;
import io.github.bigllama.residency.DiskSpeed;
import io.github.bigllama.residency.Weight;
import io.github.bigllama.residency.Weights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;

/**
 * How fast a machine gets at the weights of a model, in bytes a second.
 *
 * @param memory those in RAM, by computing with them
 * @param disk those on disk that every token uses, read in order
 * @param slices those on disk of single experts
 */
public record Bandwidths(double memory, double disk, double slices) {
    /** A type that has less of the weights is computed at the speed of the others. */
    private static final double SHARE = 0.05;

    private static final long MOST_READ = 2L << 30;
    private static final double SECONDS = 2;

    public Bandwidths {
        require("memory", memory);
        require("disk", disk);
        require("slices", slices);
    }

    private static void require(String name, double value) {
        if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    name + " is " + value + " bytes a second, must be more than 0");
        }
    }

    public Bandwidths withMemory(double value) {
        return new Bandwidths(value, disk, slices);
    }

    /** Sets the speed of the disk, in order and of slices. */
    public Bandwidths withDisk(double value) {
        return new Bandwidths(memory, value, value);
    }

    /**
     * Measures this machine, which takes some seconds: its CPU with matrices of the types that a
     * model has, and its disk with a file.
     *
     * @param file a large file on the disk where the model is, or will be; what of it is in RAM may
     *     be dropped
     * @param threads that compute; 0 for one for each physical core
     * @throws IOException if the file can't be read
     */
    public static Bandwidths probe(Weights weights, Path file, int threads) throws IOException {
        double inOrder = DiskSpeed.inOrder(file, MOST_READ, SECONDS);
        long slice =
                weights.all().stream()
                        .filter(w -> w.use() == Weight.Use.EXPERTS)
                        .mapToLong(Weight::sliceSize)
                        .max()
                        .orElse(0);
        return new Bandwidths(
                memory(weights, threads == 0 ? CpuTopology.physicalCores() : threads),
                inOrder,
                slice == 0 ? inOrder : DiskSpeed.ofSlices(file, slice, MOST_READ, SECONDS));
    }

    /** The harmonic mean over the types, by the bytes that a token uses of each. */
    private static double memory(Weights weights, int threads) {
        Map<GgmlType, Double> active = new EnumMap<>(GgmlType.class);
        double all = 0;
        for (Weight weight : weights.all()) {
            double bytes = weights.activeSize(weight);
            active.merge(weight.type(), bytes, Double::sum);
            all += bytes;
        }
        double measured = 0;
        double seconds = 0;
        for (Map.Entry<GgmlType, Double> entry : active.entrySet()) {
            if (entry.getValue() >= SHARE * all) {
                measured += entry.getValue();
                seconds += entry.getValue() / MatrixSpeed.of(entry.getKey(), threads);
            }
        }
        return measured / seconds;
    }
}
