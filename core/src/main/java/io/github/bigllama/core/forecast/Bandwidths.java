package io.github.bigllama.core.forecast;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.system.CpuTopology;
import java.io.IOException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.ToDoubleFunction;

/**
 * How fast a machine gets the weights of a model, in bytes per second.
 *
 * @param memory weights in RAM, measured by computing with them
 * @param disk weights on disk that every token uses, read in order
 * @param slices weights on disk of single experts
 */
public record Bandwidths(double memory, double disk, double slices) {
    /**
     * A type with a smaller share of the weights is not measured, and taken to be as fast as the
     * others.
     */
    private static final double SHARE = 0.05;

    public Bandwidths {
        require("memory", memory);
        require("disk", disk);
        require("slices", slices);
    }

    private static void require(String name, double value) {
        if (!(value > 0 && value < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    name + " is " + value + " bytes per second, must be more than 0");
        }
    }

    /** Bandwidths of a disk that reads slices as fast as it reads in order. */
    public static Bandwidths of(double memory, double disk) {
        return new Bandwidths(memory, disk, disk);
    }

    /**
     * How fast this machine computes with the weights of a model in RAM. Types that have not been
     * measured before are measured, which takes about a second and 256 MiB each.
     *
     * @param threads number of threads that compute; 0 for one per physical core
     * @param again whether to measure what has been measured before
     * @return bytes of weights per second
     */
    public static double measureMemory(Weights weights, int threads, boolean again) {
        int cores = threads == 0 ? CpuTopology.physicalCores() : threads;
        BandwidthProbe probe = new BandwidthProbe(again);
        return memory(weights, type -> probe.matrices(type, cores));
    }

    /**
     * Adds the bandwidths of a disk, which are measured for a few seconds unless they have been
     * before.
     *
     * @param memory bytes per second
     * @param file the model file, on the disk to measure; its pages in RAM may be dropped. Empty
     *     for a model that is not on this machine: then the disk of the user's cache is measured
     * @param again whether to measure what has been measured before
     * @throws IOException if the file can't be read, or the system can't measure it
     */
    public static Bandwidths withMeasuredDisk(
            double memory, Weights weights, Optional<Path> file, boolean again) throws IOException {
        BandwidthProbe probe = new BandwidthProbe(again);
        long slice =
                weights.all().stream()
                        .filter(w -> w.use() == Weight.Use.EXPERTS)
                        .mapToLong(Weight::sliceSize)
                        .max()
                        .orElse(0);
        double disk = probe.disk(file, 0);
        return new Bandwidths(memory, disk, slice == 0 ? disk : probe.disk(file, slice));
    }

    /** The harmonic mean over the types, weighted by the bytes that a token uses of each. */
    private static double memory(Weights weights, ToDoubleFunction<GgmlType> speed) {
        Map<GgmlType, Double> active = new EnumMap<>(GgmlType.class);
        for (Weight weight : weights.all()) {
            active.merge(weight.type(), (double) weights.activeSize(weight), Double::sum);
        }
        double measured = 0;
        double seconds = 0;
        for (Map.Entry<GgmlType, Double> entry : active.entrySet()) {
            if (entry.getValue() >= SHARE * weights.activeSize()) {
                measured += entry.getValue();
                seconds += entry.getValue() / speed.applyAsDouble(entry.getKey());
            }
        }
        return measured / seconds;
    }
}
