package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Memory of this process for weights, in large pieces. It is not the page cache's: it does not go
 * when the system needs memory, but would be swapped; so it is locked where the limit of the user
 * allows that, and whoever takes it watches how much there is. Thread-safe.
 */
public final class SlabMemory {
    /** Memory comes in multiples of this: a huge page. */
    public static final long HUGE = 2 << 20;

    private final OwnPages system;

    /** By aligned address: where the reservation begins that it is in. */
    private final ConcurrentHashMap<Long, Long> reservations = new ConcurrentHashMap<>();

    private volatile boolean huge;
    private volatile boolean locks = true;

    public SlabMemory(OwnPages system) {
        this.system = system;
    }

    /**
     * Takes memory, and has it there.
     *
     * @param bytes a multiple of {@link #HUGE}
     * @return its address, a multiple of {@link #HUGE}
     * @throws IOException if there is none
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

    /** Whether it is in huge pages, as far as the system has some left. */
    public boolean isHuge() {
        return huge;
    }

    /** Whether it is kept from being swapped. */
    public boolean isLocked() {
        return locks;
    }

    /** Gives back what {@link #take} gave. */
    public void give(long address, long bytes) {
        PosixMemory.unmap(reservations.remove(address), bytes + HUGE);
    }
}
