package io.github.bigllama.testing;

import io.github.bigllama.core.residency.AvailableRam;

/** Limits of RAM with which models of tests are larger than RAM. */
public final class SmallRam {
    private SmallRam() {}

    /**
     * The limit for the whole process, as it is now, with which a number of bytes is left for
     * weights.
     */
    public static long forWeights(long bytes) {
        // The heap of earlier tests must not shrink afterwards, which would leave more RAM than
        // intended.
        System.gc();
        return AvailableRam.anonymousBytes() + (66L << 20) + bytes;
    }
}
