package io.github.bigllama.core.residency;

import java.util.Objects;
import java.util.OptionalLong;

/**
 * How much RAM the weights may have: what the process may use, less what it uses for anything else,
 * and a reserve. Thread-safe.
 *
 * @param limit bytes of RAM for the whole process; empty for what the system has
 * @param ram what the system has
 */
public record RamBudget(OptionalLong limit, AvailableRam ram) {
    /**
     * What is kept free: programs and libraries are file pages too, and the JVM grows a little. The
     * plan follows what changes, so that little will do.
     */
    public static final long RESERVE = 64L << 20;

    private static final long RESERVE_SHARE = 2048;

    /**
     * The smallest change that is worth another plan: files and heaps grow and shrink all the time.
     */
    private static final long LEAST_CHANGE = 8L << 20;

    public RamBudget {
        Objects.requireNonNull(limit, "limit");
        Objects.requireNonNull(ram, "ram");
    }

    /** A budget of so much RAM for the whole process, or of what the system has. */
    public static RamBudget of(OptionalLong limit) {
        return new RamBudget(limit, AvailableRam.ofThisProcess());
    }

    /**
     * Bytes of RAM for weights now; those that hold weights already are among them.
     *
     * @param untouched bytes that the process has reserved and will use for something else
     */
    public long weightRam(long untouched) {
        long available = ram.bytes();
        if (limit.isPresent()) {
            available = Math.min(available, limit.getAsLong() - AvailableRam.anonymousBytes());
        }
        return weightRam(available, untouched);
    }

    /**
     * Bytes of RAM for weights in a process that may fill so much.
     *
     * @param ram bytes that it may use
     * @param other bytes of it that it uses for something else
     */
    public static long weightRam(long ram, long other) {
        return ram - other - RESERVE - ram / RESERVE_SHARE;
    }

    /** Another amount than before, if it differs by so much that it matters. */
    public OptionalLong changed(long before, long untouched) {
        long now = weightRam(untouched);
        boolean less = now < before - LEAST_CHANGE;
        // Growing is no hurry, and what comes and goes is not worth a disturbance.
        boolean more = now > before + Math.max(4 * LEAST_CHANGE, before / 50);
        return less || more ? OptionalLong.of(now) : OptionalLong.empty();
    }
}
