package io.github.bigllama.testing;

import io.github.bigllama.core.residency.AvailableRam;
import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Limits of RAM with which models of tests are larger than RAM. */
public final class SmallRam {
    private SmallRam() {}

    /**
     * The limit for the whole process, as it is now, with which a number of bytes is left for
     * weights.
     */
    public static long forWeights(long bytes) {
        // The heap of earlier tests must not shrink afterwards, which would leave more RAM than
        // intended. The collector gives memory back in the background.
        System.gc();
        long before = Long.MAX_VALUE;
        long now = AvailableRam.anonymousBytes();
        while (now < before) {
            LockSupport.parkNanos(Duration.ofMillis(100).toNanos());
            before = now;
            now = AvailableRam.anonymousBytes();
        }
        return now + (66L << 20) + bytes;
    }
}
