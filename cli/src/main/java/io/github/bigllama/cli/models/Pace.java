package io.github.bigllama.cli.models;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Finds connections that are much slower than others of the same download have been: of several
 * that a server or a network hands out, one may be stuck while a new one would be fast.
 * Thread-safe.
 */
final class Pace {
    /** A connection this many times slower than the best is slow. */
    private static final int SLOW = 16;

    /** Less would say nothing about a connection. */
    private static final long ENOUGH_BYTES = 1 << 16;

    private final Duration window;
    private final AtomicLong best = new AtomicLong();

    /**
     * New.
     *
     * @param window how long a connection is watched at first
     */
    Pace(Duration window) {
        this.window = window;
    }

    Watch watch() {
        return new Watch();
    }

    /** One connection after another, for one range. Not thread-safe. */
    final class Watch {
        private long patience = window.toNanos();
        private long start;
        private long bytes;

        /** A new connection. */
        void begin() {
            start = System.nanoTime();
            bytes = 0;
        }

        /** Whether the connection is slow, now that these bytes have come. */
        boolean isSlow(int count) {
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
            // If the next one is no better, it is not the connection.
            patience *= 2;
            return true;
        }

        /** All of the range has come. */
        void end() {
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
