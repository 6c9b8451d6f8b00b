package io.github.bigllama.internal.arena;

import io.github.bigllama.internal.pagecache.SlabMemory;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * The process's own memory for pieces, in rows of slots. Pieces of one row and length have slots of
 * that length, cut from slabs of several huge pages; whole slabs are taken from the system and
 * given back. A piece that is no longer needed keeps its slot until another needs it.
 *
 * <p>Methods must be called with the lock of the pool held, except {@link Growth#run}.
 */
public final class Slots implements AutoCloseable {
    private static final int NONE = SlotClass.NONE;

    private final SlotClass[] classes;

    /** By piece: the class of its slots; none if it has no slot. */
    private final int[] classOf;

    /** By piece: its slot in its class, while it is in one. */
    private final int[] slotOf;

    /** By piece: whether there is no slot for it any more. */
    private final BitSet excluded = new BitSet();

    /** The pieces before this one are moved out of their slots, to where they are mapped. */
    private final int moving;

    private int mostMoved;
    private int moved;
    private boolean isClosed;

    /** Whether the system has refused memory, which is not tried again. */
    private boolean isFull;

    /**
     * A slot for a piece.
     *
     * @param address the address of the slot
     * @param evicted the piece that was in it, and has to be moved out first if such pieces are
     *     moved; -1 if it is empty
     */
    public record Slot(long address, int evicted) {}

    /** Another slab, to be allocated without holding the lock. */
    public record Growth(int sizeClass, SlotClass.Ground ground) {
        /** Allocates the slab. */
        public void run() throws IOException {
            ground.memory().take(ground.from(), ground.to());
        }
    }

    /**
     * Begins without slots.
     *
     * @param lengths by piece: bytes that can be in a slot; 0 for none
     * @param rows by piece: the number of its row; pieces of different rows share no slots
     * @param moving the pieces before this one are moved out of their slots, and have row 0
     * @param mostMoved the most pieces that are moved at the same time
     * @throws IOException if the system does not reserve addresses
     */
    Slots(long[] lengths, int[] rows, int moving, SlabMemory memory, int mostMoved)
            throws IOException {
        this.moving = moving;
        this.mostMoved = mostMoved;
        classOf = new int[lengths.length];
        slotOf = new int[lengths.length];
        Arrays.fill(classOf, NONE);
        Arrays.fill(slotOf, NONE);
        List<SlotClass> all = new ArrayList<>();
        for (int row = 0; row <= Arrays.stream(rows).max().orElse(-1); row++) {
            int number = row;
            int[] pieces = IntStream.range(0, rows.length).filter(p -> rows[p] == number).toArray();
            addClasses(lengths, pieces, memory, all);
        }
        classes = all.toArray(SlotClass[]::new);
    }

    /** Adds the classes of the pieces of a row. */
    private void addClasses(long[] lengths, int[] pieces, SlabMemory memory, List<SlotClass> all)
            throws IOException {
        long[] sizes = sizes(Arrays.stream(pieces).mapToLong(piece -> lengths[piece]).toArray());
        int[] counts = new int[sizes.length];
        for (int piece : pieces) {
            int place = Arrays.binarySearch(sizes, lengths[piece]);
            int next = place >= 0 ? place : -place - 1;
            // A piece that would leave most of a slot empty is kept in the page cache.
            boolean fits = next < sizes.length && lengths[piece] >= sizes[next] / 4 * 3;
            if (fits && lengths[piece] > 0) {
                classOf[piece] = all.size() + next;
                counts[next]++;
            }
        }
        for (int k = 0; k < sizes.length; k++) {
            all.add(new SlotClass(sizes[k], counts[k], pieces[0] < moving, memory));
        }
    }

    /**
     * The lengths of slots. Slices of a tensor differ by a page, depending on whether they begin in
     * the middle of one: they have slots of the same length.
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
    public boolean has(int piece) {
        return classOf[piece] != NONE && !excluded.get(piece);
    }

    /** Has a piece have no slot any more, once it has left the one that it may be in. */
    public void exclude(int piece) {
        excluded.set(piece);
    }

    /** Whether a piece is moved out of its slot, to where it is mapped. */
    public boolean isMoved(int piece) {
        return piece < moving;
    }

    /** Whether a piece is in a slot. */
    public boolean isIn(int piece) {
        return slotOf[piece] != NONE;
    }

    /** The number of lengths, each of which has its own quota. */
    public int classCount() {
        return classes.length;
    }

    /** The number of the length of a piece's slots; -1 if it has none. */
    public int classOf(int piece) {
        return classOf[piece];
    }

    /** Whether a piece is in a slot that another could be in. */
    public boolean sharesSlots(int piece, int other) {
        return isIn(piece) && classOf[piece] == classOf[other];
    }

    private SlotClass ofPiece(int piece) {
        return classes[classOf[piece]];
    }

    /** Bytes of memory taken from the system. */
    public long bytes() {
        return Arrays.stream(classes).mapToLong(SlotClass::bytes).sum();
    }

    /** Takes a slot for a piece, if there is one. */
    public Slot acquire(int piece) {
        SlotClass c = ofPiece(piece);
        int slot;
        int evicted = NONE;
        if (c.hasFree() && mayMove(c)) {
            slot = c.takeFree();
            moved += c.moves() ? 1 : 0;
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

    /** A slab for a length without free slots; null if none is needed or allowed. */
    public Growth growth() {
        for (int i = 0; i < classes.length; i++) {
            SlotClass c = classes[i];
            if (!c.hasFree() && !c.isGrowing() && mayGrow(c)) {
                return new Growth(i, c.growing());
            }
        }
        return null;
    }

    private boolean mayGrow(SlotClass c) {
        return !isClosed && !isFull && mayMove(c) && c.hasRoom();
    }

    /** Whether another piece may be in a slot of a length. */
    private boolean mayMove(SlotClass c) {
        return !c.moves() || moved < mostMoved;
    }

    /** Whether a slot is available for a piece now. */
    public boolean isAvailable(int piece) {
        SlotClass c = ofPiece(piece);
        return c.hasIdle() || c.hasFree() && mayMove(c);
    }

    /** Ends the allocation of a slab, which may have failed. */
    public void grown(Growth growth, boolean succeeded) {
        isFull |= !succeeded;
        classes[growth.sizeClass].grown(growth.ground, succeeded);
    }

    /** The address of the slot of a piece. */
    public long address(int piece) {
        return ofPiece(piece).address(slotOf[piece]);
    }

    /** The number of the slot of a piece among those of its length, which are in a row. */
    public int number(int piece) {
        return slotOf[piece];
    }

    /**
     * Notes that the system has refused to move a piece in, or the previous one out; no more slots
     * are tried then.
     *
     * @param before the piece that is still in the slot; -1 if it is empty
     */
    public void refused(int piece, int before) {
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

    /** Marks a piece as not needed: its slot may be taken. */
    public void idle(int piece) {
        ofPiece(piece).idle(piece);
    }

    /** Marks a piece as needed again; returns whether it is still in its slot. */
    public boolean rescue(int piece) {
        return has(piece) && ofPiece(piece).rescue(piece);
    }

    /** Whether the slot of a piece is to be freed. */
    public boolean isRetiring(int piece) {
        return isIn(piece) && ofPiece(piece).isRetiring(slotOf[piece]);
    }

    /** Whether all slots for a piece are taken, and none is about to become free. */
    public boolean isExhausted(int piece) {
        SlotClass c = ofPiece(piece);
        return !isAvailable(piece) && !c.isGrowing() && !mayGrow(c);
    }

    /** Marks the slot of a piece as empty. */
    public void vacate(int piece) {
        SlotClass c = ofPiece(piece);
        int slot = slotOf[piece];
        slotOf[piece] = NONE;
        moved -= c.moves() ? 1 : 0;
        c.vacate(slot);
    }

    /**
     * Changes how much memory the slots of a length may take.
     *
     * @return the pieces that have to leave their slots
     */
    public List<Integer> resize(int sizeClass, long quota) {
        isFull = false;
        return classes[sizeClass].resize(quota);
    }

    /** Bytes of a slot of a length, which is how far slots are from each other. */
    public long length(int sizeClass) {
        return classes[sizeClass].length();
    }

    /** Bytes of the slabs for a number of slots of a length. */
    long whole(int sizeClass, long count) {
        return classes[sizeClass].whole(count);
    }

    /** The number of slots of a length that the memory can have. */
    public long slots(int sizeClass) {
        return classes[sizeClass].slots();
    }

    /** The pieces in slots that are to be freed. */
    public List<Integer> retiring() {
        return Arrays.stream(classes).flatMap(c -> c.retiring().stream()).toList();
    }

    /** Gives back memory that is not moved into a mapping; moved memory belongs to the mapping. */
    @Override
    public void close() {
        isClosed = true;
        Arrays.stream(classes).forEach(SlotClass::close);
    }
}
