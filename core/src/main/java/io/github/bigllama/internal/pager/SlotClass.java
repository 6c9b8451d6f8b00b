package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pagecache.SlabMemory;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;

/** The slots of one length, by number, and the slabs that they are cut from. Not thread-safe. */
final class SlotClass {
    static final int NONE = -1;

    /** Bytes of a slab, about: so large that what is left over at its end is little. */
    private static final long SLAB = 32L << 20;

    private final SlabMemory memory;
    private final long length;
    private int perSlab;
    private final List<Slab> slabs = new ArrayList<>();
    private final Deque<Integer> free = new ArrayDeque<>();

    /** Pieces in slots that nobody needs, the longest unneeded first. */
    private final SequencedSet<Integer> idle = new LinkedHashSet<>();

    private long quota;
    private boolean growing;

    /** Slabs that there are. */
    private int count;

    /** Some slots that come from the system and go back to it together. */
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
     * Chooses how large slabs are: a small part of everything, and of as many slots as leave the
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

    /** Bytes of memory that are taken from the system. */
    long bytes() {
        return count * slabBytes();
    }

    /** Bytes of the slabs that so many slots take. */
    long whole(long slots) {
        if (slots == 0) {
            return 0;
        }
        if (perSlab == 0) {
            cut(slots * length);
        }
        return (slots + perSlab - 1) / perSlab * slabBytes();
    }

    /** How many slots its memory can have. */
    long slots() {
        return perSlab == 0 ? 0 : quota / slabBytes() * perSlab;
    }

    boolean hasFree() {
        return !free.isEmpty();
    }

    boolean hasIdle() {
        return !idle.isEmpty();
    }

    /** A slot that no piece is in. */
    int takeFree() {
        return free.removeFirst();
    }

    /** The piece that nobody has needed for longest; its slot is for another now. */
    int takeIdle() {
        return idle.removeFirst();
    }

    /** Nobody needs the piece in a slot: another may take it. */
    void idle(int piece) {
        idle.addLast(piece);
    }

    /** As {@link #idle}, and it is the first to go. */
    void idleFirst(int piece) {
        idle.addFirst(piece);
    }

    /** A piece is needed again; returns whether nobody did. */
    boolean rescue(int piece) {
        return idle.remove(piece);
    }

    /** Where a slot is. */
    long address(int slot) {
        return slab(slot).address + slot % perSlab * length;
    }

    private Slab slab(int slot) {
        return slabs.get(slot / perSlab);
    }

    void put(int slot, int piece) {
        slab(slot).pieces[slot % perSlab] = piece;
    }

    /** A slot has become empty. */
    void vacate(int slot) {
        put(slot, NONE);
        Slab slab = slab(slot);
        if (!slab.retiring) {
            free.addFirst(slot);
        } else if (++slab.gone == perSlab) {
            remove(slab);
        }
    }

    /** Whether a slot is to go. */
    boolean isRetiring(int slot) {
        return slab(slot).retiring;
    }

    /** The pieces in slots that are to go. */
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

    /** A slab is on its way. */
    void growing() {
        growing = true;
    }

    /** A slab has come, or not: then address is 0. */
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
     * @return the pieces that have to leave their slots for it
     */
    List<Integer> resize(long bytes) {
        if (perSlab == 0 && bytes > 0) {
            cut(bytes);
        }
        quota = bytes;
        List<Slab> staying =
                new ArrayList<>(slabs.stream().filter(s -> s != null && !s.retiring).toList());
        // Those with most to lose last.
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

    /** Gives all memory back; what has been moved out of it is not in it. */
    void close() {
        for (Slab slab : slabs) {
            if (slab != null) {
                memory.give(slab.address, slabBytes());
            }
        }
        slabs.clear();
    }
}
