package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.PassStats;

/**
 * Decides whether a batch of tokens reads only the experts that its tokens choose, layer by layer,
 * or all of them in order. The former reads fewer bytes, but only predicted experts are read while
 * others are computed with; the latter reads all of them meanwhile. Not thread-safe.
 */
final class ExpertSwitch {
    /** The bandwidth of the disk to assume before it is measured, in bytes per second. */
    private static final double USUAL_DISK = 2e9;

    private static final double USUAL_MEMORY = 10e9;

    /** The weight of the last pass in an average. */
    private static final double NEWS = 0.25;

    /** Seconds of computing one token alone. */
    private double alone;

    /** The part of that which each further token of a batch adds. */
    private double further = 0.5;

    /** Bandwidth of the disk, in bytes per second. */
    private double disk = USUAL_DISK;

    /**
     * The part of reading or computing, whichever is shorter, that is done during the other when
     * only chosen experts are read.
     */
    private double overlap;

    /** The number of experts that batches use, divided by that of tokens that choose by chance. */
    private double likeness = 1;

    ExpertSwitch(long activeSize) {
        alone = activeSize / USUAL_MEMORY;
    }

    /**
     * Learns from the number of experts that a layer has chosen for a batch: tokens of one text
     * choose more alike than by chance.
     *
     * @param expected the number if they chose by chance, as often as before
     */
    void observe(int chosen, double expected) {
        likeness += NEWS / 8 * (Math.min(1, chosen / expected) - likeness);
    }

    /**
     * Learns from a pass.
     *
     * @param isWide whether it read all experts in order
     */
    void observe(PassStats pass, boolean isWide) {
        double computing = (pass.nanos() - pass.stallNanos()) / 1e9;
        if (pass.tokens() == 1) {
            alone += NEWS * (computing - alone);
        } else if (pass.tokens() > 1) {
            double each = (computing / alone - 1) / (pass.tokens() - 1);
            further += NEWS * (Math.clamp(each, 0, 1) - further);
        }
        // A few reads say little about the disk.
        if (pass.readNanos() > 10_000_000) {
            disk += NEWS * (pass.bytesRead() * 1e9 / pass.readNanos() - disk);
            if (!isWide && pass.tokens() <= Pass.MOST_PREDICTED && computing > 0) {
                double beside = (pass.readNanos() - pass.stallNanos()) / 1e9;
                double shorter = Math.min(pass.readNanos() / 1e9, computing);
                overlap += NEWS * (Math.clamp(beside / shorter, 0, 1) - overlap);
            }
        }
    }

    /**
     * Whether reading all experts in order takes less time.
     *
     * @param missing the bytes of experts that are not in memory
     * @param chosen those of them that the batch would use if its tokens chose by chance
     */
    boolean isWide(int tokens, double missing, double chosen) {
        double computing = alone * (1 + (tokens - 1) * further);
        double reading = chosen * likeness / disk;
        double apart = tokens <= Pass.MOST_PREDICTED ? 1 - overlap : 1;
        return Math.max(missing / disk, computing)
                < Math.max(reading, computing) + apart * Math.min(reading, computing);
    }
}
