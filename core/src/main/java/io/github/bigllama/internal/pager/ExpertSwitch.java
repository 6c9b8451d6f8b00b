package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;

/**
 * Decides whether a batch of tokens reads only the experts that its tokens choose, layer by layer,
 * or all of them in order. The former reads fewer bytes, but computing waits for them; the latter
 * reads beside the computation. Not thread-safe.
 */
final class ExpertSwitch {
    /** The bandwidth of the disk to assume before it is measured, in bytes per second. */
    private static final double USUAL_DISK = 2e9;

    private static final double USUAL_MEMORY = 10e9;

    /** The weight of the last pass in an average. */
    private static final double NEWS = 0.25;

    private final int used;
    private final int experts;
    private final long bytes;

    /** Seconds of computing per token. */
    private double compute;

    /** Bandwidth of the disk, in bytes per second. */
    private double disk = USUAL_DISK;

    /** The number of experts that a batch uses, divided by that if all were equally likely. */
    private double likeness = 1;

    ExpertSwitch(Weights weights) {
        used = weights.expertsUsed();
        experts =
                weights.all().stream()
                        .filter(w -> w.use() == Use.EXPERTS)
                        .mapToInt(Weight::slices)
                        .max()
                        .orElse(0);
        bytes = weights.size(Use.EXPERTS);
        compute = weights.activeSize() / USUAL_MEMORY;
    }

    /** The expected number of experts of a layer that a batch uses. */
    double expertsUsed(int tokens) {
        if (experts == 0) {
            return 0;
        }
        double all = experts * (1 - Math.pow(1 - (double) used / experts, tokens));
        return Math.max(Math.min(used, experts), all * likeness);
    }

    /** Learns from the number of experts that a layer has chosen for a batch. */
    void observe(int tokens, int chosen) {
        if (tokens > 1 && experts > 0) {
            double all = experts * (1 - Math.pow(1 - (double) used / experts, tokens));
            likeness += NEWS / 8 * (Math.min(1, chosen / all) - likeness);
        }
    }

    /** Learns from a pass. */
    void observe(PassStats pass) {
        if (pass.tokens() > 0) {
            double seconds = (pass.nanos() - pass.stallNanos()) / 1e9 / pass.tokens();
            compute += NEWS * (seconds - compute);
        }
        // A few reads say little about the disk.
        if (pass.readNanos() > 10_000_000) {
            disk += NEWS * (pass.bytesRead() * 1e9 / pass.readNanos() - disk);
        }
    }

    /**
     * Whether reading all experts in order takes less time.
     *
     * @param missing the share of the experts that is not in memory
     */
    boolean isWide(int tokens, double missing) {
        if (experts == 0 || tokens <= 1) {
            return false;
        }
        double computing = tokens * compute;
        double all = bytes * missing / disk;
        double chosen = all * expertsUsed(tokens) / experts;
        return Math.max(all, computing) < chosen + computing;
    }
}
