package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.ResidencyStats;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Measures passes. Not thread-safe. */
final class PassMeter {
    private int tokens;
    private long start;
    private long bytesBefore;
    private long mirrorBefore;
    private long busyBefore;
    private long stallNanos;
    private long expertHits;
    private long expertMisses;

    private @Nullable PassStats last;
    private ResidencyStats all;

    PassMeter(long modelBytes) {
        all = ResidencyStats.none(modelBytes);
    }

    void begin(int newTokens, long busyNanos) {
        tokens = newTokens;
        start = System.nanoTime();
        busyBefore = busyNanos;
        stallNanos = 0;
        expertHits = 0;
        expertMisses = 0;
    }

    void stalled(long nanos) {
        stallNanos += nanos;
    }

    void expert(boolean hit) {
        if (hit) {
            expertHits++;
        } else {
            expertMisses++;
        }
    }

    /** The cost of the last pass; empty before its end. */
    Optional<PassStats> last() {
        return Optional.ofNullable(last);
    }

    /** The cost of all passes. */
    ResidencyStats all() {
        return all;
    }

    /** Ends a pass. Reads ahead since the previous pass count for this one. */
    PassStats end(
            long bytesRead, long mirrorBytes, long busyNanos, long residentBytes, long ownBytes) {
        PassStats stats =
                new PassStats(
                        tokens,
                        System.nanoTime() - start,
                        bytesRead - bytesBefore,
                        mirrorBytes - mirrorBefore,
                        stallNanos,
                        busyNanos - busyBefore,
                        expertHits,
                        expertMisses,
                        residentBytes,
                        ownBytes);
        bytesBefore = bytesRead;
        mirrorBefore = mirrorBytes;
        last = stats;
        all = all.plus(stats);
        return stats;
    }
}
