package io.github.bigllama.core.residency;

import java.util.Locale;
import java.util.Objects;
import java.util.OptionalLong;

/**
 * How much RAM the weights may take: the RAM that the process may use, less its other memory and a
 * reserve. Thread-safe.
 *
 * @param limit bytes of RAM for the whole process; empty for the RAM that the system has
 * @param ram the available RAM of the system
 */
public record RamBudget(OptionalLong limit, AvailableRam ram) {
    /**
     * Bytes that are kept free: programs and libraries are file pages too, and the JVM grows a
     * little. The plan adapts to changes, so a small reserve is enough.
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

    /**
     * A budget with a limit for the whole process in bytes, or if empty, of the RAM that the system
     * has.
     */
    public static RamBudget of(OptionalLong limit) {
        return new RamBudget(limit, AvailableRam.ofThisProcess());
    }

    /**
     * Bytes of RAM for weights now, including RAM that already holds weights.
     *
     * @param untouched bytes that the process has reserved for something else and has not touched
     *     yet
     */
    public long weightRam(long untouched) {
        long available = ram.bytes();
        if (limit.isPresent()) {
            available = Math.min(available, limit.getAsLong() - AvailableRam.anonymousBytes());
        }
        return weightRam(available, untouched);
    }

    /**
     * Bytes of RAM for weights in a process.
     *
     * @param ram bytes that the process may use
     * @param other bytes of these that it uses for something else
     */
    public static long weightRam(long ram, long other) {
        return ram - other - RESERVE - ram / RESERVE_SHARE;
    }

    /**
     * What the RAM is for, and where its limit comes from.
     *
     * @param missing bytes that it is short of
     */
    public String explanation(long missing) {
        long available = ram.bytes();
        if (limit.isEmpty() || available < limit.getAsLong() - AvailableRam.anonymousBytes()) {
            return String.format(
                    Locale.ROOT,
                    "RAM is limited by %s, which leaves %.2f GB; %.2f GB of it are kept free",
                    ram.source(),
                    available / 1e9,
                    (RESERVE + available / RESERVE_SHARE) / 1e9);
        }
        return String.format(
                Locale.ROOT,
                "the limit of %.3f GB is for the whole process (weights, KV cache, buffers, Java, llama.cpp, and a reserve of %.2f GB), so give %.3f GB or more",
                limit.getAsLong() / 1e9,
                (RESERVE + limit.getAsLong() / RESERVE_SHARE) / 1e9,
                (limit.getAsLong() + missing) / 1e9 + 0.001);
    }

    /** The new bytes of RAM for weights; empty if they differ too little from before to matter. */
    public OptionalLong changed(long before, long untouched) {
        long now = weightRam(untouched);
        boolean less = now < before - LEAST_CHANGE;
        // Growing is not urgent, and brief changes are not worth a new plan.
        boolean more = now > before + Math.max(4 * LEAST_CHANGE, before / 50);
        return less || more ? OptionalLong.of(now) : OptionalLong.empty();
    }
}
