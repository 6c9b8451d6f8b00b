package io.github.bigllama.internal.arena;

import io.github.bigllama.internal.pagecache.SlabMemory;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.SequencedSet;
import java.util.function.Predicate;
import java.util.stream.IntStream;

/**
 * The slots of one length, and the slabs that they are allocated and freed in. All slots are in one
 * row of addresses, a length apart; a huge page at the border of two slabs belongs to both. Not
 * thread-safe.
 */
final class SlotClass {
    static final int NONE = -1;

    /** The most bytes of a slab, unless a slot is larger. */
    private static final long SLAB = 32L << 20;

    private final SlabMemory.Range memory;
    private final long length;

    /** Whether pieces are moved out of their slots. */
    private final boolean moves;

    private int perSlab;
    private final List<Slab> slabs = new ArrayList<>();
    private final Deque<Integer> free = new ArrayDeque<>();

    /** Pieces in slots that are not needed, the longest unneeded first. */
    private final SequencedSet<Integer> idle = new LinkedHashSet<>();

    private long quota;
    private boolean growing;

    /** The slab to take next; null if there is no room for it. */
    private Ground next;

    /** The number of slots that the quota allows; -1 while it is not known. */
    private long most;

    /** Bytes taken from the system, in whole huge pages. */
    private long taken;

    /** Slots that are allocated and freed together. */
    private static final class Slab {
        /** By slot: the piece in it. */
        private final int[] pieces;

        private boolean growing = true;
        private boolean retiring;
        private int gone;

        Slab(int count) {
            this.pieces = new int[count];
            Arrays.fill(pieces, NONE);
        }
    }

    /** A slab that is to be allocated: its number, and where it lies in the row. */
    record Ground(SlabMemory.Range memory, int slab, long from, long to) {}

    /**
     * Reserves addresses.
     *
     * @param pieces how many can have a slot
     * @param moves whether they are moved out of their slots
     */
    SlotClass(long length, int pieces, boolean moves, SlabMemory memory) throws IOException {
        this.length = length;
        this.moves = moves;
        this.memory = memory.reserve(pieces * length + 4 * SLAB);
    }

    /** Chooses the size of slabs: a small part of the total. */
    private void cut(long total) {
        long slab = Math.clamp(total / 64, SlabMemory.HUGE, SLAB);
        perSlab = (int) Math.max(1, slab / length);
    }

    /** Bytes of a slot. */
    long length() {
        return length;
    }

    boolean moves() {
        return moves;
    }

    private long slabBytes() {
        return perSlab * length;
    }

    /** Bytes of memory taken from the system. */
    long bytes() {
        return taken;
    }

    /** Bytes of the slabs for a number of slots. */
    long whole(long slots) {
        if (slots == 0) {
            return 0;
        }
        if (perSlab == 0) {
            cut(slots * length);
        }
        return (slots + perSlab - 1) / perSlab * slabBytes() + SlabMemory.HUGE;
    }

    /** The number of slots that the memory can have, once slabs that are to be freed are gone. */
    long slots() {
        if (most < 0) {
            most = countSlots();
        }
        return most;
    }

    private long countSlots() {
        BitSet some = numbers(slab -> !slab.retiring);
        int added = some.nextClearBit(0);
        for (some.set(added); isWithin(some); some.set(added)) {
            added = some.nextClearBit(added);
        }
        return (some.cardinality() - 1L) * perSlab;
    }

    /** The numbers of some of the slabs. */
    private BitSet numbers(Predicate<Slab> some) {
        BitSet numbers = new BitSet();
        for (int number = 0; number < slabs.size(); number++) {
            Slab slab = slabs.get(number);
            numbers.set(number, slab != null && some.test(slab));
        }
        return numbers;
    }

    /** Whether there may be slabs with some numbers at the same time. */
    private boolean isWithin(BitSet numbers) {
        return bytes(numbers) <= quota && end(numbers.length() - 1) <= memory.size();
    }

    /** Bytes of the huge pages of some slabs. */
    private long bytes(BitSet numbers) {
        long pages = 0;
        long after = 0;
        for (int n = numbers.nextSetBit(0); n >= 0; n = numbers.nextSetBit(n + 1)) {
            long last = (end(n) + SlabMemory.HUGE - 1) / SlabMemory.HUGE;
            pages += last - Math.max(after, start(n) / SlabMemory.HUGE);
            after = last;
        }
        return pages * SlabMemory.HUGE;
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
        return memory.address() + slot * length;
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
            remove(slot / perSlab);
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
        return next != null;
    }

    /** Finds out what the slabs and the quota allow now. */
    private void changed() {
        int number = freeNumber();
        BitSet all = numbers(slab -> true);
        all.set(number);
        next = isWithin(all) ? ground(number) : null;
        most = -1;
    }

    private int freeNumber() {
        int number = slabs.indexOf(null);
        return number >= 0 ? number : slabs.size();
    }

    /** Begins to allocate a slab. */
    Ground growing() {
        growing = true;
        Ground ground = next;
        if (ground.slab == slabs.size()) {
            slabs.add(null);
        }
        slabs.set(ground.slab, new Slab(perSlab));
        taken += ground.to - ground.from;
        changed();
        return ground;
    }

    /** The huge pages of a slab that no other has. */
    private Ground ground(int slab) {
        long from = start(slab) / SlabMemory.HUGE;
        long to = (end(slab) + SlabMemory.HUGE - 1) / SlabMemory.HUGE;
        if (isShared(from, slab)) {
            from++;
        }
        if (to > from && isShared(to - 1, slab)) {
            to--;
        }
        return new Ground(memory, slab, from * SlabMemory.HUGE, to * SlabMemory.HUGE);
    }

    private long start(int slab) {
        return slab * slabBytes();
    }

    private long end(int slab) {
        return start(slab + 1);
    }

    /** Whether another slab has a part of a huge page. */
    private boolean isShared(long page, int slab) {
        int first = (int) (page * SlabMemory.HUGE / slabBytes());
        int last = (int) (((page + 1) * SlabMemory.HUGE - 1) / slabBytes());
        return IntStream.rangeClosed(first, Math.min(last, slabs.size() - 1))
                .anyMatch(other -> other != slab && slabs.get(other) != null);
    }

    /** Ends the allocation of a slab, which may have failed. */
    void grown(Ground ground, boolean succeeded) {
        growing = false;
        slabs.get(ground.slab).growing = false;
        // The quota may have become smaller meanwhile.
        if (!succeeded || !isWithin(numbers(slab -> !slab.retiring))) {
            remove(ground.slab);
            return;
        }
        for (int i = 0; i < perSlab; i++) {
            free.addLast(ground.slab * perSlab + i);
        }
    }

    /**
     * Changes how much memory the slots may take.
     *
     * @return the pieces that have to leave their slots
     */
    List<Integer> resize(long bytes) {
        if (bytes == quota) {
            return List.of();
        }
        if (perSlab == 0) {
            cut(bytes);
        }
        quota = bytes;
        BitSet staying = numbers(slab -> !slab.retiring);
        // Slabs with the fewest pieces go first, and of those the last, which leaves no gap.
        Iterator<Integer> going =
                numbers(slab -> !slab.retiring && !slab.growing).stream()
                        .boxed()
                        .sorted(
                                Comparator.<Integer>comparingLong(n -> used(slabs.get(n)))
                                        .thenComparing(Comparator.reverseOrder()))
                        .iterator();
        List<Integer> leaving = new ArrayList<>();
        while (bytes(staying) > quota && going.hasNext()) {
            int number = going.next();
            staying.clear(number);
            retire(number, leaving);
        }
        changed();
        return leaving;
    }

    private long used(Slab slab) {
        return Arrays.stream(slab.pieces).filter(p -> p != NONE && !idle.contains(p)).count();
    }

    private void retire(int number, List<Integer> leaving) {
        Slab slab = slabs.get(number);
        slab.retiring = true;
        int first = number * perSlab;
        free.removeIf(slot -> slot >= first && slot < first + perSlab);
        for (int piece : slab.pieces) {
            if (piece == NONE) {
                slab.gone++;
            } else {
                leaving.add(piece);
            }
        }
        if (slab.gone == perSlab) {
            remove(number);
        }
    }

    private void remove(int slab) {
        Ground ground = ground(slab);
        slabs.set(slab, null);
        taken -= ground.to - ground.from;
        memory.give(ground.from, ground.to);
        changed();
    }

    /** Gives all memory back, except memory that has been moved to the mapping. */
    void close() {
        memory.close();
        slabs.clear();
        free.clear();
        idle.clear();
        taken = 0;
    }
}
