package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pagecache.SlabMemory;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import java.util.TreeMap;

/**
 * Memory of our own for pieces, in slots. Pieces of a length have slots of that length, cut from
 * slabs of some huge pages; whole slabs are taken from the system and given back to it. A piece
 * that is not needed any more keeps its slot until another needs it.
 *
 * <p>Its methods are called with the lock of the pool held, but for {@link Growth#run}.
 */
final class Slots implements AutoCloseable {
    /** Bytes of a slab, about: so large that what is left over at its end is little. */
    private static final long SLAB = 32L << 20;

    private static final int NONE = -1;

    private final SlabMemory memory;
    private final SizeClass[] classes;

    /** By piece: the class of its slots; none if it has no slot. */
    private final int[] classOf;

    /** By piece: its slot of its class, while it is in one. */
    private final int[] slotOf;

    private int mostMoved;
    private int moved;
    private boolean isClosed;

    /** What was refused once is not tried again. */
    private boolean isFull;

    /** The slots of one length. */
    private static final class SizeClass {
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

        SizeClass(long length) {
            this.length = length;
        }

        /**
         * Chooses how large slabs are: a small part of everything, and of as many slots as leave
         * the least of the last huge page unused.
         */
        void cut(long total) {
            long huge = SlabMemory.HUGE;
            long slab = Math.clamp(total / 64, Math.min(4 * huge, huge + total / 8), SLAB);
            int most = (int) Math.max(1, slab / length);
            double least = Double.MAX_VALUE;
            for (int count = (most + 1) / 2; count <= most; count++) {
                long bytes = count * length;
                double waste = (double) ((bytes + huge - 1) / huge * huge - bytes) / bytes;
                if (waste <= least) {
                    least = waste;
                    perSlab = count;
                }
            }
        }

        long slabBytes() {
            return (perSlab * length + SlabMemory.HUGE - 1) / SlabMemory.HUGE * SlabMemory.HUGE;
        }

        long bytes() {
            return count * slabBytes();
        }
    }

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
        classes = Arrays.stream(sizes).mapToObj(SizeClass::new).toArray(SizeClass[]::new);
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

    /** Bytes of memory that are taken from the system. */
    long bytes() {
        return Arrays.stream(classes).mapToLong(SizeClass::bytes).sum();
    }

    /** A slot for a piece, if there is one; the piece is in it from now on. */
    Slot acquire(int piece) {
        SizeClass c = classes[classOf[piece]];
        Integer slot = moved < mostMoved ? c.free.pollFirst() : null;
        int evicted = NONE;
        if (slot == null) {
            if (c.idle.isEmpty()) {
                return null;
            }
            evicted = c.idle.removeFirst();
            slot = slotOf[evicted];
            slotOf[evicted] = NONE;
        } else {
            moved++;
        }
        slotOf[piece] = slot;
        slab(c, slot).pieces[slot % c.perSlab] = piece;
        return new Slot(address(c, slot), evicted);
    }

    /**
     * What would give slots to a length that has no free ones; null if there is none, or may be.
     */
    Growth growth() {
        for (int i = 0; i < classes.length; i++) {
            SizeClass c = classes[i];
            if (c.free.isEmpty() && !c.growing && mayGrow(c)) {
                c.growing = true;
                return new Growth(memory, i, c.slabBytes());
            }
        }
        return null;
    }

    private boolean mayGrow(SizeClass c) {
        return !isClosed
                && !isFull
                && moved < mostMoved
                && c.quota > 0
                && c.bytes() + c.slabBytes() <= c.quota;
    }

    /** Whether there is a slot for a piece now. */
    boolean isAvailable(int piece) {
        SizeClass c = classes[classOf[piece]];
        return !c.idle.isEmpty() || !c.free.isEmpty() && moved < mostMoved;
    }

    /** A slab has come, or not: then address is 0. */
    void grown(Growth growth, long address) {
        SizeClass c = classes[growth.sizeClass];
        c.growing = false;
        if (address == 0) {
            isFull = true;
            return;
        }
        int number = c.slabs.indexOf(null);
        Slab slab = new Slab(address, c.perSlab);
        c.count++;
        if (number >= 0) {
            c.slabs.set(number, slab);
        } else {
            number = c.slabs.size();
            c.slabs.add(slab);
        }
        for (int i = 0; i < c.perSlab; i++) {
            c.free.addLast(number * c.perSlab + i);
        }
    }

    /** Where the slot of a piece is. */
    long address(int piece) {
        return address(classes[classOf[piece]], slotOf[piece]);
    }

    private static long address(SizeClass c, int slot) {
        return slab(c, slot).address + slot % c.perSlab * c.length;
    }

    private static Slab slab(SizeClass c, int slot) {
        return c.slabs.get(slot / c.perSlab);
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
        SizeClass c = classes[classOf[piece]];
        int slot = slotOf[piece];
        slotOf[piece] = NONE;
        slotOf[before] = slot;
        slab(c, slot).pieces[slot % c.perSlab] = before;
        c.idle.addFirst(before);
    }

    /** Nobody needs a piece: its slot may be taken. */
    void idle(int piece) {
        classes[classOf[piece]].idle.addLast(piece);
    }

    /** A piece is needed again; returns whether it still is in its slot. */
    boolean rescue(int piece) {
        return classOf[piece] != NONE && classes[classOf[piece]].idle.remove(piece);
    }

    /** Whether the slot of a piece is to go. */
    boolean isRetiring(int piece) {
        return isIn(piece) && slab(classes[classOf[piece]], slotOf[piece]).retiring;
    }

    /** Whether there is no slot left for a piece but for those that are needed. */
    boolean isExhausted(int piece) {
        SizeClass c = classes[classOf[piece]];
        return !isAvailable(piece) && !c.growing && !mayGrow(c);
    }

    /** A piece is out of its slot. */
    void vacate(int piece) {
        SizeClass c = classes[classOf[piece]];
        int slot = slotOf[piece];
        slotOf[piece] = NONE;
        moved--;
        Slab slab = slab(c, slot);
        slab.pieces[slot % c.perSlab] = NONE;
        if (!slab.retiring) {
            c.free.addFirst(slot);
        } else if (++slab.gone == c.perSlab) {
            remove(c, slab);
        }
    }

    private void remove(SizeClass c, Slab slab) {
        c.slabs.set(c.slabs.indexOf(slab), null);
        c.count--;
        memory.give(slab.address, c.slabBytes());
    }

    /**
     * Changes how much memory the slots of a length may take.
     *
     * @return the pieces that have to leave their slots for it
     */
    List<Integer> resize(int sizeClass, long quota) {
        SizeClass c = classes[sizeClass];
        if (c.perSlab == 0 && quota > 0) {
            c.cut(quota);
        }
        c.quota = quota;
        isFull = false;
        List<Slab> staying =
                new ArrayList<>(c.slabs.stream().filter(s -> s != null && !s.retiring).toList());
        // Those with most to lose last.
        staying.sort(Comparator.comparingLong(slab -> used(c, slab)));
        List<Integer> leaving = new ArrayList<>();
        for (int i = 0; i < staying.size(); i++) {
            if ((staying.size() - i) * c.slabBytes() <= quota) {
                break;
            }
            retire(c, staying.get(i), leaving);
        }
        return leaving;
    }

    private static long used(SizeClass c, Slab slab) {
        return Arrays.stream(slab.pieces).filter(p -> p != NONE && !c.idle.contains(p)).count();
    }

    private void retire(SizeClass c, Slab slab, List<Integer> leaving) {
        slab.retiring = true;
        int first = c.slabs.indexOf(slab) * c.perSlab;
        c.free.removeIf(slot -> slot >= first && slot < first + c.perSlab);
        for (int piece : slab.pieces) {
            if (piece == NONE) {
                slab.gone++;
            } else {
                leaving.add(piece);
            }
        }
        if (slab.gone == c.perSlab) {
            remove(c, slab);
        }
    }

    /** Bytes of a slot of a length. */
    long length(int sizeClass) {
        return classes[sizeClass].length;
    }

    /** Bytes of the slabs that so many slots of a length take. */
    long whole(int sizeClass, long count) {
        SizeClass c = classes[sizeClass];
        if (count == 0) {
            return 0;
        }
        if (c.perSlab == 0) {
            c.cut(count * c.length);
        }
        return (count + c.perSlab - 1) / c.perSlab * c.slabBytes();
    }

    /** How many slots of a length its memory can have. */
    long slots(int sizeClass) {
        SizeClass c = classes[sizeClass];
        return c.perSlab == 0 ? 0 : (c.quota / c.slabBytes() * c.perSlab);
    }

    /** The pieces in slots that are to go. */
    List<Integer> retiring() {
        List<Integer> pieces = new ArrayList<>();
        for (SizeClass c : classes) {
            for (Slab slab : c.slabs) {
                if (slab != null && slab.retiring) {
                    Arrays.stream(slab.pieces).filter(p -> p != NONE).forEach(pieces::add);
                }
            }
        }
        return pieces;
    }

    /** Gives the memory back that is in no place of a mapping; what is there is the mapping's. */
    @Override
    public void close() {
        isClosed = true;
        for (SizeClass c : classes) {
            for (Slab slab : c.slabs) {
                if (slab != null) {
                    memory.give(slab.address, c.slabBytes());
                }
            }
            c.slabs.clear();
        }
    }
}
