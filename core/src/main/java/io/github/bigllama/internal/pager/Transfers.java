package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.arena.Slots;
import io.github.bigllama.internal.pagecache.DirectRead;
import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pager.PieceStates.State;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;
import java.util.BitSet;
import java.util.function.IntConsumer;

/**
 * The tasks of readers: read pieces through the page cache or into own memory, and drop them.
 * Methods must be called with the lock of the pool held, except those of tasks that work: {@link
 * Task#run}, {@link Task#begin} and {@link Task#end}.
 */
final class Transfers {
    private final PieceMap map;
    private final MappedFiles files;
    private final PieceStates states;

    /** Pieces whose first and last pages have been brought into the page cache. */
    private final BitSet edges = new BitSet();

    /** Own memory; null if there is none. */
    private Slots slots;

    /** Is told of pieces that have been read into memory that is to be freed. */
    private final IntConsumer retiring;

    private int reading;
    private int dropping;
    private int growing;
    private IOException failure;

    /** When the current time of reading by at least one reader began; 0 if none is reading. */
    private long busySince;

    private long busyNanos;

    /** The work of a reader, done without the lock. */
    interface Work {
        void run() throws IOException;
    }

    /** The update after the work, made with the lock. */
    private interface Outcome {
        void accept(IOException problem);
    }

    /** A piece to read, drop or move, or memory to allocate. */
    record Task(Work work, Outcome outcome, Filling slice) {
        private Task(Work work, Outcome outcome) {
            this(work, outcome, null);
        }

        /** Whether it is a read that can be done together with others. */
        boolean canBeBatched() {
            return slice != null;
        }

        /** As {@link Filling#begin}. */
        DirectRead begin() {
            return slice.begin();
        }

        /** As {@link Filling#end}. */
        void end(long count) throws IOException {
            slice.end(count);
        }

        void run() throws IOException {
            work.run();
        }

        /** Updates the state after {@link #run}, which failed with a problem, or null. */
        void done(IOException problem) {
            outcome.accept(problem);
        }
    }

    Transfers(PieceMap map, MappedFiles files, PieceStates states, IntConsumer retiring) {
        this.map = map;
        this.files = files;
        this.states = states;
        this.retiring = retiring;
    }

    /** Sets the own memory for pieces. */
    void slots(Slots memory) {
        slots = memory;
    }

    /** Own memory for pieces; null if there is none. */
    Slots slots() {
        return slots;
    }

    /** Whether a piece belongs in own memory. */
    boolean isOwn(int piece) {
        return slots != null && slots.has(piece) && files.own(map.file(piece)) != null;
    }

    /** Whether a piece is in own memory. */
    boolean isIn(int piece) {
        return slots != null && slots.isIn(piece);
    }

    /** Whether there is a slot for a piece, or it needs none. */
    boolean hasPlace(int piece) {
        return !isOwn(piece) || slots.isAvailable(piece);
    }

    /**
     * Whether reading a piece that is waited for can begin. If all slots are taken, a piece that
     * was only read ahead leaves its own; if there will be none, the piece is read into the page
     * cache.
     *
     * @param awaited the pieces that keep their slots
     */
    boolean canStart(int piece, BitSet awaited) {
        if (hasPlace(piece)) {
            return true;
        }
        if (!slots.isExhausted(piece)) {
            return false;
        }
        boolean comes = false;
        // The pieces just before it in the order of use are needed last.
        for (int i = 1; i < states.count(); i++) {
            int other = Math.floorMod(piece - i, states.count());
            if (!slots.sharesSlots(other, piece) || slots.isRetiring(other)) {
                continue;
            }
            boolean isAhead =
                    !states.isPinned(other) && !states.isBusy(other) && !awaited.get(other);
            if (isAhead && states.is(other, State.PRESENT)) {
                idle(other);
                return true;
            }
            comes |= isAhead && states.is(other, State.READING) || states.is(other, State.DROPPING);
        }
        return !comes;
    }

    /** Whether the mapping of a piece is known. */
    boolean isMapped(int piece) {
        return files.get(map.file(piece)) != null;
    }

    /** Whether a task is under way. */
    boolean isUnderWay() {
        return reading + dropping + growing > 0;
    }

    /** The number of pieces that are being read. */
    int reading() {
        return reading;
    }

    /** The failure of a reader; null if none failed. */
    IOException failure() {
        return failure;
    }

    void clearFailure() {
        if (!isLost()) {
            failure = null;
        }
    }

    /** Whether a part of a mapping is lost for good. */
    boolean isLost() {
        return failure instanceof OwnFile.LostException;
    }

    /** Nanoseconds for which at least one reader has been reading. */
    long busyNanos() {
        return busyNanos + (reading > 0 ? System.nanoTime() - busySince : 0);
    }

    /** A task that reads a piece into own memory or the page cache. */
    Task read(int piece) {
        boolean own = isOwn(piece) && slots.isAvailable(piece);
        states.reading(piece);
        if (reading++ == 0) {
            busySince = System.nanoTime();
        }
        return own ? fill(piece) : readThrough(piece);
    }

    private Task readThrough(int piece) {
        MappedFile file = files.get(map.file(piece));
        return new Task(
                () -> file.read(map.offset(piece), map.length(piece)),
                problem -> hasRead(piece, problem));
    }

    private void hasRead(int piece, IOException problem) {
        if (--reading == 0) {
            busyNanos += System.nanoTime() - busySince;
        }
        if (problem == null) {
            states.read(piece);
        } else {
            failure = isLost() ? failure : problem;
            states.failed(piece);
        }
    }

    /** A task that drops a piece in the page cache. */
    Task drop(int piece) {
        dropping++;
        MappedFile file = files.get(map.file(piece));
        return new Task(
                () -> file.drop(map.ownOffset(piece), map.ownLength(piece)),
                problem -> {
                    dropping--;
                    states.dropped(piece);
                });
    }

    private Task fill(int piece) {
        Slots.Slot slot = slots.acquire(piece);
        if (slot.evicted() >= 0) {
            states.dropping(slot.evicted());
        }
        boolean moves = slots.isMoved(piece);
        Filling filling = new Filling(map, files, piece, slot, moves, moves && !edges.get(piece));
        return new Task(filling::run, problem -> filled(filling, problem), moves ? null : filling);
    }

    /** Updates the states after a piece was read into own memory, or could not be. */
    private void filled(Filling filling, IOException problem) {
        int piece = filling.piece();
        int before = filling.before();
        if (before >= 0 && filling.hasEvicted()) {
            states.dropped(before);
        } else if (before >= 0) {
            states.idleAgain(before);
        }
        if (filling.isRefused()) {
            slots.refused(piece, filling.hasEvicted() ? -1 : before);
        } else if (filling.isUnread() || problem != null) {
            slots.vacate(piece);
        }
        edges.set(piece, problem == null);
        hasRead(piece, problem);
        // RAM has become short meanwhile.
        if (slots.isRetiring(piece) && !states.isBusy(piece)) {
            retiring.accept(piece);
        }
    }

    /** A task that empties the slot of a piece, so that its memory can be freed. */
    Task evict(int piece) {
        dropping++;
        OwnFile own = files.own(map.file(piece));
        long address = slots.address(piece);
        boolean moves = slots.isMoved(piece);
        return new Task(
                () -> {
                    if (moves) {
                        own.evict(address, map.ownOffset(piece), map.ownLength(piece));
                    }
                },
                problem -> {
                    dropping--;
                    if (problem == null) {
                        slots.vacate(piece);
                        states.dropped(piece);
                    } else {
                        states.undropped(piece);
                        failure = problem instanceof OwnFile.LostException ? problem : failure;
                    }
                });
    }

    /** A task that allocates memory, if pieces wait for it and the quota allows it; else null. */
    Task grow() {
        Slots.Growth growth = slots == null ? null : slots.growth();
        if (growth == null) {
            return null;
        }
        growing++;
        return new Task(
                growth::run,
                problem -> {
                    growing--;
                    slots.grown(growth, problem == null);
                });
    }

    /** Drops the pages that page faults have brought in of a piece that was not read there. */
    void dropMapped(int piece) {
        files.get(map.file(piece)).drop(map.ownOffset(piece), map.ownLength(piece));
    }

    /** Marks a piece in an idle slot as needed again; returns whether it is still there. */
    boolean rescue(int piece) {
        boolean isThere = states.is(piece, State.IDLE) && slots.rescue(piece);
        if (isThere) {
            states.rescued(piece);
        }
        return isThere;
    }

    /** Marks a piece in own memory as not needed. */
    void idle(int piece) {
        states.idle(piece);
        slots.idle(piece);
    }
}
