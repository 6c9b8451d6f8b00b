package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pager.PieceStates.State;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;
import java.util.BitSet;
import java.util.function.IntConsumer;

/**
 * What readers do with pieces: read them through the page cache or into memory of our own, and let
 * them go. Its methods are called with the lock of the pool held, but for {@link Task#run}.
 */
final class Transfers {
    private final PieceMap map;
    private final MappedFiles files;
    private final PieceStates states;

    /** Pieces whose first and last pages have been brought into the page cache. */
    private final BitSet edges = new BitSet();

    /** Memory of our own; null if there is none. */
    private Slots slots;

    /** Is told of pieces that have come into memory that is to go. */
    private final IntConsumer retiring;

    private int reading;
    private int dropping;
    private int growing;
    private IOException failure;

    /** Since when at least one reader has been reading; 0 if none is. */
    private long busySince;

    private long busyNanos;

    /** What a reader does, without the lock. */
    private interface Work {
        void run() throws IOException;
    }

    /** What became of it, with the lock. */
    private interface Outcome {
        void accept(IOException problem);
    }

    /** A piece to read, to drop or to move, or memory to get. */
    record Task(Work work, Outcome outcome) {
        void run() throws IOException {
            work.run();
        }

        /** It has been run, with the problem that there was, or null. */
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

    /** From now on there is memory of our own. */
    void slots(Slots memory) {
        slots = memory;
    }

    /** Memory of our own for pieces; null if there is none. */
    Slots slots() {
        return slots;
    }

    /** Whether a piece is to be in memory of our own. */
    boolean isOwn(int piece) {
        return slots != null && slots.has(piece) && files.own(map.file(piece)) != null;
    }

    /** Whether a piece is in memory of our own. */
    boolean isIn(int piece) {
        return slots != null && slots.isIn(piece);
    }

    /** Whether reading a piece can begin: it has a slot, or there will be none for it. */
    boolean canStart(int piece) {
        return !isOwn(piece) || slots.isAvailable(piece) || slots.isExhausted(piece);
    }

    /** Whether it is known where a piece is mapped. */
    boolean isMapped(int piece) {
        return files.get(map.file(piece)) != null;
    }

    /** Whether readers are in the middle of something. */
    boolean isUnderWay() {
        return reading + dropping + growing > 0;
    }

    /** What a reader failed with; null if none did. */
    IOException failure() {
        return failure;
    }

    void clearFailure() {
        if (!isLost()) {
            failure = null;
        }
    }

    /** Whether something has been lost that no one can bring back. */
    boolean isLost() {
        return failure instanceof OwnFile.LostException;
    }

    /** For how long at least one reader has been reading. */
    long busyNanos() {
        return busyNanos + (reading > 0 ? System.nanoTime() - busySince : 0);
    }

    /** Reads a piece to where it is to be. */
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

    /** Lets go of a piece in the page cache. */
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
        Filling filling = new Filling(piece, slot, !edges.get(piece));
        return new Task(filling::run, filling::done);
    }

    /** Reads into memory of our own; what was in the slot goes back before. */
    private final class Filling {
        private final int piece;
        private final Slots.Slot slot;
        private final int before;
        private final boolean withEdges;
        private final MappedFile file;
        private final OwnFile own;
        private final OwnFile ownBefore;
        private boolean evicted;
        private boolean refused;
        private boolean unread;

        Filling(int piece, Slots.Slot slot, boolean withEdges) {
            this.piece = piece;
            this.slot = slot;
            this.before = slot.evicted();
            this.withEdges = withEdges;
            this.file = files.get(map.file(piece));
            this.own = files.own(map.file(piece));
            this.ownBefore = before < 0 ? null : files.own(map.file(before));
        }

        void run() throws IOException {
            try {
                if (before >= 0) {
                    ownBefore.evict(slot.address(), map.ownOffset(before), map.ownLength(before));
                }
                evicted = true;
                if (withEdges) {
                    readEdges();
                }
                own.fill(slot.address(), map.ownOffset(piece), map.ownLength(piece));
            } catch (OwnFile.MoveException e) {
                refused = true;
                file.read(map.offset(piece), map.length(piece));
            } catch (OwnFile.ReadException e) {
                unread = true;
                file.read(map.offset(piece), map.length(piece));
            }
        }

        /**
         * The pages at its ends are its neighbours' too: those are the file's, and stay once they
         * are there.
         */
        private void readEdges() throws IOException {
            long start = map.ownOffset(piece);
            long end = start + map.ownLength(piece);
            long last = map.offset(piece) + map.length(piece);
            if (map.offset(piece) < start) {
                file.read(map.offset(piece), start - map.offset(piece));
            }
            if (end < last) {
                file.read(end, last - end);
            }
        }

        void done(IOException problem) {
            if (before >= 0 && evicted) {
                states.dropped(before);
            } else if (before >= 0) {
                states.idleAgain(before);
            }
            if (refused) {
                slots.refused(piece, evicted ? -1 : before);
            } else if (unread || problem != null) {
                slots.vacate(piece);
            }
            edges.set(piece, problem == null);
            hasRead(piece, problem);
            // Memory has become short meanwhile.
            if (slots.isRetiring(piece) && !states.isBusy(piece)) {
                retiring.accept(piece);
            }
        }
    }

    /** Has the slot of a piece empty, so that its memory can go. */
    Task evict(int piece) {
        dropping++;
        OwnFile own = files.own(map.file(piece));
        long address = slots.address(piece);
        return new Task(
                () -> own.evict(address, map.ownOffset(piece), map.ownLength(piece)),
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

    /** Gets memory, if pieces wait for it and may have it; else null. */
    Task grow() {
        Slots.Growth growth = slots == null ? null : slots.growth();
        if (growth == null) {
            return null;
        }
        growing++;
        long[] address = new long[1];
        return new Task(
                () -> address[0] = growth.run(),
                problem -> {
                    growing--;
                    slots.grown(growth, address[0]);
                });
    }

    /** A piece in an idle slot is needed again; returns whether it still is there. */
    boolean rescue(int piece) {
        boolean isThere = states.is(piece, State.IDLE) && slots.rescue(piece);
        if (isThere) {
            states.rescued(piece);
        }
        return isThere;
    }

    /** Nobody needs a piece that is in memory of our own. */
    void idle(int piece) {
        states.idle(piece);
        slots.idle(piece);
    }
}
