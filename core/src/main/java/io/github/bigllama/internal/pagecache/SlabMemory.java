package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;

/**
 * Memory of this process for weights. Unlike the page cache, it is not freed when the system needs
 * memory but would be swapped; so it is locked if the user's limit allows, and callers watch the
 * available RAM. Thread-safe.
 */
@SuppressWarnings("restricted")
public final class SlabMemory {
    /** The unit of sizes and addresses: a huge page. */
    public static final long HUGE = 2 << 20;

    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final OwnPages system;
    private volatile boolean huge;
    private volatile boolean locks = true;

    public SlabMemory(OwnPages system) {
        this.system = system;
    }

    /** Whether the memory is in huge pages, as far as the system has any. */
    public boolean isHuge() {
        return huge;
    }

    /** Whether the memory is locked, so that it is not swapped. */
    public boolean isLocked() {
        return locks;
    }

    /** Moves bytes of memory that was taken; the two places may overlap. */
    public static void move(long from, long to, long bytes) {
        MemorySegment.copy(MEMORY, from, MEMORY, to, bytes);
    }

    /**
     * Reserves addresses, which take no RAM.
     *
     * @param bytes the most that will be taken
     */
    public Range reserve(long bytes) throws IOException {
        return new Range(bytes);
    }

    /** Addresses in a row. Offsets in them are multiples of {@link #HUGE}. */
    public final class Range implements AutoCloseable {
        private final long reserved;
        private final long length;
        private final long address;

        private Range(long bytes) throws IOException {
            // What the system returns may begin in the middle of a huge page.
            length = (bytes + HUGE - 1) / HUGE * HUGE + HUGE;
            reserved = PosixMemory.reserveAddresses(length);
            address = (reserved + HUGE - 1) / HUGE * HUGE;
        }

        /** The first address, a multiple of {@link #HUGE}. */
        public long address() {
            return address;
        }

        /** Bytes that can be taken. */
        public long size() {
            return length - HUGE;
        }

        /**
         * Takes memory that is present at once.
         *
         * @throws IOException if there is not enough
         */
        public void take(long from, long to) throws IOException {
            if (from == to) {
                return;
            }
            PosixMemory.take(address + from, to - from);
            huge = system.prepare(address + from, to - from);
            if (locks && PosixMemory.lock(address + from, to - from) != 0) {
                locks = false;
            }
        }

        /** Gives back memory from {@link #take}. */
        public void give(long from, long to) {
            if (from == to) {
                return;
            }
            try {
                PosixMemory.give(address + from, to - from);
            } catch (IOException e) {
                // A mapping that can't be split into two: it stays until the range is closed.
            }
        }

        @Override
        public void close() {
            PosixMemory.unmap(reserved, length);
        }
    }
}
