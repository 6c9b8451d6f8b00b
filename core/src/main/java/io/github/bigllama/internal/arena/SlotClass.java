package io.github.bigllama.internal.arena;

import io.github.bigllama.internal.pagecache.SlabMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;

/** The slots of one length, and the slabs that they are cut from. Not thread-safe. */
final class SlotClass {
    static final int NONE = -1;

    /** Approximate bytes of a slab: large enough that little is left over at its end. */
    private static final long SLAB = 32L << 20;

    private final SlabMemory memory;
    private final long length;
    private int perSlab;
    private final List<Slab> slabs = new ArrayList<>();
    private final Deque<Integer> free = new ArrayDeque<>();

    /** Pieces in slots that are not needed, the longest unneeded first. */
    private final SequencedSet<Integer> idle = new LinkedHashSet<>();

    private long quota;
    private boolean growing;

    /** Number of slabs. */
    private int count;

    /** Slots that are allocated and freed together. */
    private static final class Slab {
        private final long address;

        /** By slot: the piece in it. */
        private final int[] pieces;

        private boolean retiring;
        private int gone;

        Slab(long address, int count) {
            this.address = address;
            this.pieces = new int[count];
            Arrays.fill(pieces, NONE);
        }
    }

    SlotClass(long length, SlabMemory memory) {
        this.length = length;
        this.memory = memory;
    }

    /**
     * Chooses the size of slabs: a small part of the total, and a number of slots that leaves the
     * least of the last huge page unused.
     */
    private void cut(long total) {
        long huge = SlabMemory.HUGE;
        long slab = Math.clamp(total / 64, Math.min(4 * huge, huge + total / 8), SLAB);
        int most = (int) Math.max(1, slab / length);
        double least = Double.MAX_VALUE;
        for (int slots = (most + 1) / 2; slots <= most; slots++) {
            long bytes = slots * length;
            double waste = (double) ((bytes + huge - 1) / huge * huge - bytes) / bytes;
            if (waste <= least) {
                least = waste;
                perSlab = slots;
            }
        }
    }

    /** Bytes of a slot. */
    long length() {
        return length;
    }

    long slabBytes() {
        return (perSlab * length + SlabMemory.HUGE - 1) / SlabMemory.HUGE * SlabMemory.HUGE;
    }

    /** Bytes of memory taken from the system. */
    long bytes() {
        return count * slabBytes();
    }

    /** Bytes of the slabs for a number of slots. */
    long whole(long slots) {
        if (slots == 0) {
            return 0;
        }
        if (perSlab == 0) {
            cut(slots * length);
        }
        return (slots + perSlab - 1) / perSlab * slabBytes();
    }

    /** The number of slots that the memory can have. */
    long slots() {
        return perSlab == 0 ? 0 : quota / slabBytes() * perSlab;
    }

    boolean hasFree() {
        return !free.isEmpty();
    }

    boolean hasIdle() {
        return !idle.isEmpty();
    }

    /** Takes an empty slot. */
    int takeFree() {
        return free.removeFirst();
    }

    /** Takes the slot of the longest unneeded piece; returns that piece. */
    int takeIdle() {
        return idle.removeFirst();
    }

    /** Marks a piece as not needed: another piece may take its slot. */
    void idle(int piece) {
        idle.addLast(piece);
    }

    /** As {@link #idle}, as the first to be replaced. */
    void idleFirst(int piece) {
        idle.addFirst(piece);
    }

    /** Marks a piece as needed again; returns whether it was not needed. */
    boolean rescue(int piece) {
        return idle.remove(piece);
    }

    /** The address of a slot. */
    long address(int slot) {
        return slab(slot).address + slot % perSlab * length;
    }

    private Slab slab(int slot) {
        return slabs.get(slot / perSlab);
    }

    void put(int slot, int piece) {
        slab(slot).pieces[slot % perSlab] = piece;
    }

    /** Marks a slot as empty. */
    void vacate(int slot) {
        put(slot, NONE);
        Slab slab = slab(slot);
        if (!slab.retiring) {
            free.addFirst(slot);
        } else if (++slab.gone == perSlab) {
            remove(slab);
        }
    }

    /** Whether a slot is to be freed. */
    boolean isRetiring(int slot) {
        return slab(slot).retiring;
    }

    /** The pieces in slots that are to be freed. */
    List<Integer> retiring() {
        return slabs.stream()
                .filter(slab -> slab != null && slab.retiring)
                .flatMap(slab -> Arrays.stream(slab.pieces).filter(p -> p != NONE).boxed())
                .toList();
    }

    boolean isGrowing() {
        return growing;
    }

    /** Whether there is room for another slab. */
    boolean hasRoom() {
        return quota > 0 && bytes() + slabBytes() <= quota;
    }

    /** Notes that a slab is being allocated. */
    void growing() {
        growing = true;
    }

    /** Adds a slab that was allocated; address 0 if that failed. */
    void grown(long address) {
        growing = false;
        if (address == 0) {
            return;
        }
        int number = slabs.indexOf(null);
        Slab slab = new Slab(address, perSlab);
        count++;
        if (number >= 0) {
            slabs.set(number, slab);
        } else {
            number = slabs.size();
            slabs.add(slab);
        }
        for (int i = 0; i < perSlab; i++) {
            free.addLast(number * perSlab + i);
        }
    }

    /**
     * Changes how much memory the slots may take.
     *
     * @return the pieces that have to leave their slots
     */
    List<Integer> resize(long bytes) {
        if (perSlab == 0 && bytes > 0) {
            cut(bytes);
        }
        quota = bytes;
        List<Slab> staying =
                new ArrayList<>(slabs.stream().filter(s -> s != null && !s.retiring).toList());
        // Slabs with the most pieces last.
        staying.sort(Comparator.comparingLong(this::used));
        List<Integer> leaving = new ArrayList<>();
        for (int i = 0; i < staying.size(); i++) {
            if ((staying.size() - i) * slabBytes() <= quota) {
                break;
            }
            retire(staying.get(i), leaving);
        }
        return leaving;
    }

    private long used(Slab slab) {
        return Arrays.stream(slab.pieces).filter(p -> p != NONE && !idle.contains(p)).count();
    }

    private void retire(Slab slab, List<Integer> leaving) {
        slab.retiring = true;
        int first = slabs.indexOf(slab) * perSlab;
        free.removeIf(slot -> slot >= first && slot < first + perSlab);
        for (int piece : slab.pieces) {
            if (piece == NONE) {
                slab.gone++;
            } else {
                leaving.add(piece);
            }
        }
        if (slab.gone == perSlab) {
            remove(slab);
        }
    }

    private void remove(Slab slab) {
        slabs.set(slabs.indexOf(slab), null);
        count--;
        memory.give(slab.address, slabBytes());
    }

    /** Gives all memory back, except memory that has been moved to the mapping. */
    void close() {
        for (Slab slab : slabs) {
            if (slab != null) {
                memory.give(slab.address, slabBytes());
            }
        }
        slabs.clear();
    }
}
