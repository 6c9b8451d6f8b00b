package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.PassStats;

/**
 * Controls the size of the window: as small as possible, because its memory can't hold kept
 * weights, and large enough that neither the disk nor the computation waits unnecessarily. If
 * computing waits and the readers have nothing to do within the same pass, the window is too small.
 */
final class WindowControl {
    private static final double MUCH = 0.05;
    private static final double LITTLE = 0.02;

    private final long smallest;
    private final long largest;
    private long window;

    /**
     * Starts at the usual size, and stays between three quarters of it and twice as much.
     *
     * @param least the lower limit
     */
    WindowControl(long usual, long least) {
        smallest = Math.max(least, usual / 4 * 3);
        largest = Math.max(least, 2 * usual);
        window = usual;
    }

    void observe(PassStats pass) {
        if (pass.nanos() <= 0 || pass.bytesRead() == 0) {
            return;
        }
        double stalled = (double) pass.stallNanos() / pass.nanos();
        double idle = 1 - (double) pass.readNanos() / pass.nanos();
        if (stalled > MUCH && idle > MUCH) {
            window = Math.min(largest, window / 8 * 9);
        } else if (stalled < LITTLE || idle < LITTLE) {
            window = Math.max(smallest, window / 16 * 15);
        }
    }

    /** The size for the next pass, in bytes. */
    long next() {
        return window;
    }
}
