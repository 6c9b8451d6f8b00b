package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.arena.Slots;
import io.github.bigllama.internal.pager.PieceStates.State;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.Schedule;
import java.io.IOException;
import java.util.BitSet;

/**
 * The pieces of a model, shared by the computation, which needs them, and the readers. All methods
 * but {@link #hold()} must be called by a thread that has one.
 */
final class PiecePool {
    private final PieceStates states;
    private final Transfers transfers;
    private final WorkQueue queue;
    private final Dispatcher dispatcher;

    /** Pieces that were not needed when they were first held. */
    private final BitSet borrowed = new BitSet();

    private boolean givenUp;

    PiecePool(PieceMap map, MappedFiles files) {
        this.states = new PieceStates(map);
        this.transfers = new Transfers(map, files, states, this::evictLater);
        this.queue = new WorkQueue(map, states, transfers);
        this.dispatcher = new Dispatcher(queue);
    }

    /** Waits until the pool is free. */
    Hold hold() {
        return dispatcher.hold();
    }

    /** Gives tasks to readers. */
    Dispatcher dispatcher() {
        return dispatcher;
    }

    /** Notes that there may be a task for a reader. */
    void wake() {
        dispatcher.wake();
    }

    /** What a pass is doing now. */
    void activity(WorkQueue.Activity now) {
        queue.activity(now);
        wake();
    }

    /** Sets the order to read ahead in from now on. */
    void schedule(Schedule next) {
        queue.schedule(next);
        wake();
    }

    boolean isPresent(int piece) {
        return states.is(piece, State.PRESENT);
    }

    boolean isAbsent(int piece) {
        return states.is(piece, State.ABSENT);
    }

    /** Releases pieces that were read ahead in vain. */
    void releaseAll() {
        for (int piece = 0; piece < states.count(); piece++) {
            release(piece);
        }
    }

    /** Whether its bytes are in memory, even if its slot may be taken. */
    boolean isInMemory(int piece) {
        return states.is(piece, State.PRESENT)
                || states.is(piece, State.IDLE)
                || states.is(piece, State.DROPPING);
    }

    boolean isPinned(int piece) {
        return states.isPinned(piece);
    }

    /** Has a piece read before anything else, whether there is room or not. */
    void demand(int piece) {
        if (queue.demand(piece)) {
            wake();
        }
    }

    /** Has a piece read if there is room for it and no piece is waited for. */
    void prefetch(int piece) {
        queue.prefetch(piece);
        wake();
    }

    /** Forgets the prefetch of pieces that are not being read yet. */
    void cancelPrefetch() {
        queue.cancelPrefetch();
    }

    /** Has pieces read, as far as they are to stay, when there is nothing else to do. */
    void preload(int[] pieces) {
        queue.preload(pieces);
        wake();
    }

    /**
     * Whether the readers can't continue by themselves: there is no room, and none about to become
     * free.
     */
    boolean isStuck() {
        return queue.isStuck();
    }

    /** Pins a piece, now or when it arrives: it stays in memory. */
    void pin(int piece) {
        if (!states.isPinned(piece)) {
            queue.rescue(piece);
            states.pin(piece);
        }
    }

    /** Unpins a piece: it is dropped when it is released. */
    void unpin(int piece) {
        if (states.isPinned(piece)) {
            states.unpin(piece);
        }
    }

    /**
     * Drops a piece if it is in memory and not pinned. A piece in use is dropped after its use,
     * because its place holds zeros while it leaves own memory.
     */
    void release(int piece) {
        if (states.isBusy(piece)) {
            return;
        }
        boolean isIn = transfers.isIn(piece);
        // There was no slot for a piece in the page cache that belongs in one: as long as it stays
        // there, the other experts of its weight are used there, too.
        boolean isStray = !isIn && transfers.isOwn(piece);
        boolean goes = states.is(piece, State.PRESENT) && (isStray || !states.isPinned(piece));
        if (isIn && leaves(piece)) {
            evictLater(piece);
        } else if (isIn && goes) {
            transfers.idle(piece);
        } else if (goes) {
            queue.drop(piece);
        } else {
            return;
        }
        wake();
    }

    private void evictLater(int piece) {
        queue.evict(piece);
    }

    /** Whether a piece has to leave its slot, needed or not. */
    private boolean leaves(int piece) {
        return transfers.slots().isRetiring(piece) || !transfers.slots().has(piece);
    }

    /** Marks a piece as in use until {@link #used}: it must not be moved. */
    void busy(int piece) {
        states.busy(piece, true);
    }

    /**
     * Marks a piece as partly in use until {@link #letGo}, whether it is in memory or not: if it is
     * in own memory it must not be moved.
     *
     * @return false if it is being moved: then it is not held, and the caller must {@link
     *     #awaitChange} first
     */
    boolean hold(int piece) {
        if (!transfers.isOwn(piece)) {
            return true;
        }
        if (states.is(piece, State.READING) || states.is(piece, State.DROPPING)) {
            return false;
        }
        if (transfers.rescue(piece)) {
            borrowed.set(piece);
        }
        states.busy(piece, true);
        return true;
    }

    /** Ends {@link #hold(int)}. */
    void letGo(int piece) {
        states.busy(piece, false);
        boolean retiring = transfers.isIn(piece) && transfers.slots().isRetiring(piece);
        if (borrowed.get(piece) || retiring) {
            borrowed.clear(piece);
            release(piece);
        }
    }

    /** Ends the use of a piece. */
    void used(int piece) {
        states.busy(piece, false);
        queue.used(piece);
        release(piece);
    }

    /** Ends the use of all pieces. */
    void noneBusy() {
        states.busy().forEach(this::used);
        queue.allUsed();
        if (transfers.slots() != null) {
            transfers.slots().retiring().forEach(this::evictLater);
            wake();
        }
    }

    /** Whether a slice is in its slot and stays there until {@link #used}. */
    boolean isInSlot(int piece) {
        return states.is(piece, State.PRESENT) && states.isBusy(piece) && transfers.isIn(piece);
    }

    /** Drops the pages of a slice that were touched although it is not in the page cache. */
    void dropMapped(int piece) {
        if (transfers.isIn(piece) || states.is(piece, State.ABSENT)) {
            transfers.dropMapped(piece);
        }
    }

    /** Has a slice be in the page cache from now on. */
    void exclude(int piece) {
        slots().exclude(piece);
        if (slots().isIn(piece)) {
            leave(piece);
        }
        wake();
    }

    /** Sets the own memory for pieces. */
    void slots(Slots memory) {
        transfers.slots(memory);
        wake();
    }

    /** Own memory for pieces; null if there is none. */
    Slots slots() {
        return transfers.slots();
    }

    /** Bytes of own memory. */
    long ownBytes() {
        return slots() == null ? 0 : slots().bytes();
    }

    /** Changes how much memory slots of a length may take; pieces that must leave do so soon. */
    void resize(int sizeClass, long quota) {
        for (int piece : slots().resize(sizeClass, quota)) {
            leave(piece);
        }
        wake();
    }

    /** Has a piece leave its slot, after its use if it is in use. */
    private void leave(int piece) {
        transfers.rescue(piece);
        if (!states.isBusy(piece)) {
            evictLater(piece);
        }
    }

    /** Sets the size of the window in bytes. */
    void window(long bytes) {
        states.window(bytes);
        wake();
    }

    /** Waits until a piece changes, for a moment at most. */
    void awaitChange() throws InterruptedException, IOException {
        if (transfers.failure() != null) {
            throw transfers.failure();
        }
        dispatcher.awaitChange();
    }

    /** Forgets failures of the readers, so that they try again. */
    void clearFailure() {
        transfers.clearFailure();
        wake();
    }

    /**
     * Requires an intact mapping.
     *
     * @throws IOException if a part of it has been lost
     */
    void requireMapping() throws IOException {
        if (transfers.isLost()) {
            throw transfers.failure();
        }
    }

    /** Bytes read since the beginning. */
    long bytesRead() {
        return states.bytesRead();
    }

    /** Bytes that are in memory. */
    long presentBytes() {
        return states.presentBytes();
    }

    /** Nanoseconds for which at least one reader has been reading. */
    long busyNanos() {
        return transfers.busyNanos();
    }

    /** Whether nothing is managed any more, so that the kernel decides. */
    boolean isGivenUp() {
        return givenUp;
    }

    /** Stops the readers from beginning tasks; returns when no task is under way. */
    void giveUp() {
        dispatcher.close();
        while (transfers.isUnderWay()) {
            dispatcher.awaitDone();
        }
        givenUp = true;
    }
}
