package io.github.bigllama.core.forecast;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.system.CpuTopology;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.ToDoubleFunction;
import org.jspecify.annotations.Nullable;

/**
 * How fast a machine gets the weights of a model, in bytes per second, and what a step of the
 * computation takes at the least.
 *
 * @param memory weights in RAM, measured by computing with them
 * @param disk weights on disk that every token uses, read in order
 * @param slices weights on disk of single experts
 * @param step seconds for a step with next to no weights: threads wait for each other after each
 *     one, which is most of the time of a model of a few megabytes
 */
public record Bandwidths(double memory, double disk, double slices, double step) {
    /**
     * Matrices with a smaller share of the weights are not measured, and taken to be as fast as the
     * others.
     */
    private static final double SHARE = 0.05;

    /**
     * Columns and rows of the matrices that are measured. Larger ones cost the same per byte;
     * shorter rows cost more, and fewer rows are divided among threads less well.
     */
    private static final List<Integer> LENGTHS = List.of(4096, 1024, 256);

    public Bandwidths {
        require("memory", memory);
        require("disk", disk);
        require("slices", slices);
        if (!(step >= 0 && step < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("step is " + step + " seconds, must be 0 or more");
        }
    }

    private static void require(String name, double value) {
        if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    name + " is " + value + " bytes per second, must be more than 0");
        }
    }

    /** Bandwidths of a disk that reads slices as fast as it reads in order; steps take no time. */
    public static Bandwidths of(double memory, double disk) {
        return new Bandwidths(memory, disk, disk, 0);
    }

    /** The same with another {@link #step()}. */
    public Bandwidths withStep(double seconds) {
        return new Bandwidths(memory, disk, slices, seconds);
    }

    /**
     * How many seconds a step of the computation takes at the least on this machine; measured in a
     * second, unless it has been before.
     *
     * @param threads number of threads that compute; 0 for one per physical core
     * @param again whether to measure what has been measured before
     */
    public static double measureStep(int threads, boolean again) {
        return new BandwidthProbe(again).step(cores(threads));
    }

    private static int cores(int threads) {
        return threads == 0 ? CpuTopology.physicalCores() : threads;
    }

    /**
     * How fast this machine computes with the weights of a model in RAM. Types and sizes of
     * matrices that have not been measured before are measured, which takes about a second and 256
     * MiB each.
     *
     * @param threads number of threads that compute; 0 for one per physical core
     * @param again whether to measure what has been measured before
     * @return bytes of weights per second
     */
    public static double measureMemory(Weights weights, int threads, boolean again) {
        BandwidthProbe probe = new BandwidthProbe(again);
        return memory(
                weights,
                matrix ->
                        probe.matrices(
                                matrix.type(), matrix.columns(), matrix.rows(), cores(threads)));
    }

    /**
     * Adds the bandwidths of a disk, which are measured for a few seconds unless they have been
     * before.
     *
     * @param memory bytes per second
     * @param file the model file, on the disk to measure; its pages in RAM may be dropped
     * @param again whether to measure what has been measured before
     * @throws IOException if the file can't be read, or the system can't measure it
     */
    public static Bandwidths withMeasuredDisk(
            double memory, Weights weights, Path file, boolean again) throws IOException {
        return withDisk(memory, weights, Objects.requireNonNull(file, "file"), again);
    }

    /**
     * As the other method, for a model that is not on this machine: measures the disk of the user's
     * cache.
     */
    public static Bandwidths withMeasuredDisk(double memory, Weights weights, boolean again)
            throws IOException {
        return withDisk(memory, weights, null, again);
    }

    private static Bandwidths withDisk(
            double memory, Weights weights, @Nullable Path file, boolean again) throws IOException {
        BandwidthProbe probe = new BandwidthProbe(again);
        long slice =
                weights.all().stream()
                        .filter(w -> w.use() == Weight.Use.EXPERTS)
                        .mapToLong(Weight::sliceSize)
                        .max()
                        .orElse(0);
        double disk = probe.disk(file, 0);
        return new Bandwidths(memory, disk, slice == 0 ? disk : probe.disk(file, slice), 0);
    }

    /** Matrices that are alike in speed. */
    private record Matrix(GgmlType type, int columns, int rows) {
        static Matrix of(Weight weight) {
            GgmlType type = weight.type();
            long elements = weight.sliceSize() / type.typeSize() * type.blockSize();
            return new Matrix(type, length(weight.columns()), length(elements / weight.columns()));
        }

        private static int length(long exact) {
            return LENGTHS.stream().filter(l -> l <= exact).findFirst().orElse(LENGTHS.getLast());
        }
    }

    /** The harmonic mean over the kinds, weighted by the bytes that a token uses of each. */
    private static double memory(Weights weights, ToDoubleFunction<Matrix> speed) {
        Map<Matrix, Double> active = new HashMap<>();
        for (Weight weight : weights.all()) {
            active.merge(Matrix.of(weight), (double) weights.activeSize(weight), Double::sum);
        }
        double measured = 0;
        double seconds = 0;
        for (Map.Entry<Matrix, Double> entry : active.entrySet()) {
            if (entry.getValue() >= SHARE * weights.activeSize()) {
                measured += entry.getValue();
                seconds += entry.getValue() / speed.applyAsDouble(entry.getKey());
            }
        }
        return measured / seconds;
    }
}
