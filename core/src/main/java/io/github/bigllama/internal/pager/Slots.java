package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pagecache.SlabMemory;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Memory of our own for pieces, in slots. Pieces of a length have slots of that length, cut from
 * slabs of some huge pages; whole slabs are taken from the system and given back to it. A piece
 * that is not needed any more keeps its slot until another needs it.
 *
 * <p>Its methods are called with the lock of the pool held, but for {@link Growth#run}.
 */
final class Slots implements AutoCloseable {
    private static final int NONE = SlotClass.NONE;

    private final SlabMemory memory;
    private final SlotClass[] classes;

    /** By piece: the class of its slots; none if it has no slot. */
    private final int[] classOf;

    /** By piece: its slot of its class, while it is in one. */
    private final int[] slotOf;

    private int mostMoved;
    private int moved;
    private boolean isClosed;

    /** What was refused once is not tried again. */
    private boolean isFull;

    /**
     * A slot for a piece.
     *
     * @param address where it is
     * @param evicted the piece that is in it and has to be given back first; -1 if none is
     */
    record Slot(long address, int evicted) {}

    /** Another slab, to be made without holding the lock. */
    record Growth(SlabMemory memory, int sizeClass, long bytes) {
        /** Returns its address. */
        long run() throws IOException {
            return memory.take(bytes);
        }
    }

    /**
     * No slots yet.
     *
     * @param lengths by piece: bytes of it that can be in a slot; 0 for none
     * @param mostMoved pieces that may be in slots at a time
     */
    Slots(long[] lengths, SlabMemory memory, int mostMoved) {
        this.memory = memory;
        this.mostMoved = mostMoved;
        long[] sizes = sizes(lengths);
        classes =
                Arrays.stream(sizes)
                        .mapToObj(size -> new SlotClass(size, memory))
                        .toArray(SlotClass[]::new);
        classOf = new int[lengths.length];
        slotOf = new int[lengths.length];
        Arrays.fill(slotOf, NONE);
        for (int piece = 0; piece < lengths.length; piece++) {
            int place = Arrays.binarySearch(sizes, lengths[piece]);
            int next = place >= 0 ? place : -place - 1;
            // A piece that leaves most of a slot empty is better off in the page cache.
            boolean fits = next < sizes.length && lengths[piece] >= sizes[next] / 4 * 3;
            classOf[piece] = fits && lengths[piece] > 0 ? next : NONE;
        }
    }

    /**
     * The lengths that are worth slots of their own. Slices of a tensor differ by a page, as they
     * begin in the middle of one or not: those have slots of one length.
     */
    private static long[] sizes(long[] lengths) {
        long total = Arrays.stream(lengths).sum();
        TreeMap<Long, Long> bytes = new TreeMap<>();
        for (long length : lengths) {
            bytes.merge(length, length, Long::sum);
        }
        TreeMap<Long, Long> together = new TreeMap<>();
        long size = 0;
        for (Map.Entry<Long, Long> entry : bytes.descendingMap().entrySet()) {
            if (entry.getKey() < size / 16 * 15 || size == 0) {
                size = entry.getKey();
            }
            together.merge(size, entry.getValue(), Long::sum);
        }
        return together.entrySet().stream()
                .filter(entry -> entry.getKey() > 0 && entry.getValue() >= total / 64)
                .mapToLong(Map.Entry::getKey)
                .toArray();
    }

    /** Whether a piece can be in a slot. */
    boolean has(int piece) {
        return classOf[piece] != NONE;
    }

    /** Whether a piece is in a slot. */
    boolean isIn(int piece) {
        return slotOf[piece] != NONE;
    }

    /** The number of lengths; each has a quota of its own. */
    int classCount() {
        return classes.length;
    }

    /** The length that a piece's slots have, by number; -1 if it has none. */
    int classOf(int piece) {
        return classOf[piece];
    }

    private SlotClass ofPiece(int piece) {
        return classes[classOf[piece]];
    }

    /** Bytes of memory that are taken from the system. */
    long bytes() {
        return Arrays.stream(classes).mapToLong(SlotClass::bytes).sum();
    }

    /** A slot for a piece, if there is one; the piece is in it from now on. */
    Slot acquire(int piece) {
        SlotClass c = ofPiece(piece);
        int slot;
        int evicted = NONE;
        if (moved < mostMoved && c.hasFree()) {
            slot = c.takeFree();
            moved++;
        } else if (c.hasIdle()) {
            evicted = c.takeIdle();
            slot = slotOf[evicted];
            slotOf[evicted] = NONE;
        } else {
            return null;
        }
        slotOf[piece] = slot;
        c.put(slot, piece);
        return new Slot(c.address(slot), evicted);
    }

    /**
     * What would give slots to a length that has no free ones; null if there is none, or may be.
     */
    Growth growth() {
        for (int i = 0; i < classes.length; i++) {
            SlotClass c = classes[i];
            if (!c.hasFree() && !c.isGrowing() && mayGrow(c)) {
                c.growing();
                return new Growth(memory, i, c.slabBytes());
            }
        }
        return null;
    }

    private boolean mayGrow(SlotClass c) {
        return !isClosed && !isFull && moved < mostMoved && c.hasRoom();
    }

    /** Whether there is a slot for a piece now. */
    boolean isAvailable(int piece) {
        SlotClass c = ofPiece(piece);
        return c.hasIdle() || c.hasFree() && moved < mostMoved;
    }

    /** A slab has come, or not: then address is 0. */
    void grown(Growth growth, long address) {
        isFull |= address == 0;
        classes[growth.sizeClass].grown(address);
    }

    /** Where the slot of a piece is. */
    long address(int piece) {
        return ofPiece(piece).address(slotOf[piece]);
    }

    /**
     * The system has refused to move a piece in, or to give back the one before; what it can't do
     * now is not tried with more.
     *
     * @param before the piece that still is in the slot; -1 if it is empty
     */
    void refused(int piece, int before) {
        mostMoved = Math.max(0, moved - 1);
        if (before < 0) {
            vacate(piece);
            return;
        }
        SlotClass c = ofPiece(piece);
        int slot = slotOf[piece];
        slotOf[piece] = NONE;
        slotOf[before] = slot;
        c.put(slot, before);
        c.idleFirst(before);
    }

    /** Nobody needs a piece: its slot may be taken. */
    void idle(int piece) {
        ofPiece(piece).idle(piece);
    }

    /** A piece is needed again; returns whether it still is in its slot. */
    boolean rescue(int piece) {
        return has(piece) && ofPiece(piece).rescue(piece);
    }

    /** Whether the slot of a piece is to go. */
    boolean isRetiring(int piece) {
        return isIn(piece) && ofPiece(piece).isRetiring(slotOf[piece]);
    }

    /** Whether there is no slot left for a piece but for those that are needed. */
    boolean isExhausted(int piece) {
        SlotClass c = ofPiece(piece);
        return !isAvailable(piece) && !c.isGrowing() && !mayGrow(c);
    }

    /** A piece is out of its slot. */
    void vacate(int piece) {
        int slot = slotOf[piece];
        slotOf[piece] = NONE;
        moved--;
        ofPiece(piece).vacate(slot);
    }

    /**
     * Changes how much memory the slots of a length may take.
     *
     * @return the pieces that have to leave their slots for it
     */
    List<Integer> resize(int sizeClass, long quota) {
        isFull = false;
        return classes[sizeClass].resize(quota);
    }

    /** Bytes of a slot of a length. */
    long length(int sizeClass) {
        return classes[sizeClass].length();
    }

    /** Bytes of the slabs that so many slots of a length take. */
    long whole(int sizeClass, long count) {
        return classes[sizeClass].whole(count);
    }

    /** How many slots of a length its memory can have. */
    long slots(int sizeClass) {
        return classes[sizeClass].slots();
    }

    /** The pieces in slots that are to go. */
    List<Integer> retiring() {
        return Arrays.stream(classes).flatMap(c -> c.retiring().stream()).toList();
    }

    /** Gives the memory back that is in no place of a mapping; what is there is the mapping's. */
    @Override
    public void close() {
        isClosed = true;
        Arrays.stream(classes).forEach(SlotClass::close);
    }
}
