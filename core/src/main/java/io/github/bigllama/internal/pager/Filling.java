package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.arena.Slots;
import io.github.bigllama.internal.pagecache.DirectRead;
import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pagecache.SlabMemory;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;

/**
 * Reads a piece into own memory. One that every token uses is moved to its place then; a slice
 * stays in its slot, and is computed with there. Made with the lock of the pool held, and run by
 * one reader without it.
 */
final class Filling {
    private final PieceMap map;
    private final int piece;
    private final Slots.Slot slot;
    private final int before;
    private final MappedFile file;
    private final OwnFile own;
    private final OwnFile ownBefore;
    private final boolean moves;
    private final boolean withEdges;
    private boolean evicted;
    private boolean refused;
    private boolean unread;

    /** The read of a slice that others are done together with. */
    private OwnFile.Begun begun;

    /**
     * A piece that has a slot.
     *
     * @param moves whether it is moved out of the slot
     * @param withEdges whether its first and last page are to be in the page cache
     */
    Filling(
            PieceMap map,
            MappedFiles files,
            int piece,
            Slots.Slot slot,
            boolean moves,
            boolean withEdges) {
        this.map = map;
        this.piece = piece;
        this.slot = slot;
        this.before = slot.evicted();
        this.moves = moves;
        this.withEdges = withEdges;
        this.file = files.get(map.file(piece));
        this.own = files.own(map.file(piece));
        // Pieces that are moved share slots only with each other.
        this.ownBefore = moves && before >= 0 ? files.own(map.file(before)) : null;
        this.evicted = ownBefore == null;
    }

    int piece() {
        return piece;
    }

    /** The piece that was in the slot; -1 for none. */
    int before() {
        return before;
    }

    /** Whether that piece has left the slot. */
    boolean hasEvicted() {
        return evicted;
    }

    /** Whether the system has refused to move one of the two: the piece is in the page cache. */
    boolean isRefused() {
        return refused;
    }

    /** Whether the piece could only be read into the page cache. */
    boolean isUnread() {
        return unread;
    }

    void run() throws IOException {
        try {
            if (ownBefore != null) {
                ownBefore.evict(slot.address(), map.ownOffset(before), map.ownLength(before));
                evicted = true;
            }
            if (withEdges) {
                readEdges();
            }
            if (moves) {
                own.fill(slot.address(), map.ownOffset(piece), map.ownLength(piece));
            } else {
                readSlice();
            }
        } catch (OwnFile.MoveException e) {
            refused = true;
            file.read(map.offset(piece), map.length(piece));
        } catch (OwnFile.ReadException e) {
            unread = true;
            file.read(map.offset(piece), map.length(piece));
        }
    }

    private void readSlice() throws IOException {
        if (begun == null) {
            own.read(slot.address(), map.offset(piece), map.length(piece), least());
        } else {
            own.repeat(begun, least());
        }
        align();
    }

    /** Bytes that are needed from the beginning of the slot. */
    private long least() {
        return map.skew(piece) + map.sliceSize(piece);
    }

    /** All slices of a weight begin at the same distance from the start of their slots. */
    private void align() {
        long skew = map.skew(piece);
        long wanted = map.skew(map.firstSibling(piece));
        if (skew != wanted) {
            SlabMemory.move(slot.address() + skew, slot.address() + wanted, map.sliceSize(piece));
        }
    }

    /** Begins the read of a slice, to be followed by {@link #end} instead of {@link #run}. */
    DirectRead begin() {
        begun = own.begin(slot.address(), map.offset(piece), map.length(piece));
        return begun.read();
    }

    /**
     * Ends the read of a slice, which is repeated if it has failed.
     *
     * @param count the bytes that were read, or an error
     */
    void end(long count) throws IOException {
        if (own.end(begun, count, least())) {
            align();
        } else {
            run();
        }
    }

    /**
     * Reads the pages at both ends, which neighbours share: they stay in the page cache once they
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
}
