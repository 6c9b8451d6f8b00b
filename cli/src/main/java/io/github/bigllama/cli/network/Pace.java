package io.github.bigllama.cli.network;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Finds connections that are much slower than others of the same download: one may be stuck while a
 * new one would be fast. Thread-safe.
 */
public final class Pace {
    /** A connection this many times slower than the best is slow. */
    private static final int SLOW = 16;

    /** The fewest bytes that say something about a connection. */
    private static final long ENOUGH_BYTES = 1 << 16;

    private final Duration window;
    private final AtomicLong best = new AtomicLong();

    /**
     * Creates a pace without measurements.
     *
     * @param window how long the first connections are watched
     */
    public Pace(Duration window) {
        this.window = window;
    }

    public Watch watch() {
        return new Watch();
    }

    /** Watches the successive connections for one range. Not thread-safe. */
    public final class Watch {
        private long patience = window.toNanos();
        private long start;
        private long bytes;

        /** Begins to watch a new connection. */
        public void begin() {
            start = System.nanoTime();
            bytes = 0;
        }

        /** Counts received bytes; returns whether the connection is slow. */
        public boolean isSlow(int count) {
            bytes += count;
            long time = System.nanoTime() - start;
            if (time < patience) {
                return false;
            }
            long rate = rate(time);
            note(rate);
            begin();
            if (rate * SLOW >= best.get()) {
                return false;
            }
            // If the next connection is no faster, the connection is not the cause.
            patience *= 2;
            return true;
        }

        /** The range is complete. */
        public void end() {
            if (bytes >= ENOUGH_BYTES) {
                note(rate(System.nanoTime() - start));
            }
        }

        private long rate(long nanos) {
            return (long) (bytes * 1e9 / (nanos + 1));
        }

        private void note(long rate) {
            best.accumulateAndGet(rate, Math::max);
        }
    }
}
