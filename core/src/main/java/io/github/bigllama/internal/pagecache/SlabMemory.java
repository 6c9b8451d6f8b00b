package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Memory of this process for weights, in large pieces. Unlike the page cache, it is not freed when
 * the system needs memory but would be swapped; so it is locked if the user's limit allows, and
 * callers watch the available RAM. Thread-safe.
 */
public final class SlabMemory {
    /** The unit of sizes and addresses: a huge page. */
    public static final long HUGE = 2 << 20;

    private final OwnPages system;

    /** The start of each reservation, by the aligned address in it. */
    private final ConcurrentHashMap<Long, Long> reservations = new ConcurrentHashMap<>();

    private volatile boolean huge;
    private volatile boolean locks = true;

    public SlabMemory(OwnPages system) {
        this.system = system;
    }

    /**
     * Takes memory that is present at once.
     *
     * @param bytes a multiple of {@link #HUGE}
     * @return its address, a multiple of {@link #HUGE}
     * @throws IOException if there is not enough
     */
    public long take(long bytes) throws IOException {
        long reserved = PosixMemory.reserve(bytes + HUGE);
        long address = (reserved + HUGE - 1) / HUGE * HUGE;
        reservations.put(address, reserved);
        huge = system.prepare(address, bytes);
        if (locks && PosixMemory.lock(address, bytes) != 0) {
            locks = false;
        }
        return address;
    }

    /** Whether the memory is in huge pages, as far as the system has any. */
    public boolean isHuge() {
        return huge;
    }

    /** Whether the memory is locked, so that it is not swapped. */
    public boolean isLocked() {
        return locks;
    }

    /** Gives back memory from {@link #take}. */
    public void give(long address, long bytes) {
        PosixMemory.unmap(reservations.remove(address), bytes + HUGE);
    }
}
