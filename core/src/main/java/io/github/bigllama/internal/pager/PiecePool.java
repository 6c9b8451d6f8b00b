package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pager.PieceStates.State;
import io.github.bigllama.internal.pager.Transfers.Task;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.Schedule;
import java.io.IOException;
import java.util.BitSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The pieces of a model, between those who need them and the readers. Everything but {@link #take}
 * and {@link #done} is called by a thread that has a {@link #hold}.
 */
final class PiecePool {
    private final ReentrantLock lock = new ReentrantLock();
    private final Hold hold = lock::unlock;

    /** The readers have something to do. */
    private final Condition work = lock.newCondition();

    /** A piece has arrived or gone. */
    private final Condition change = lock.newCondition();

    private final PieceStates states;
    private final Transfers transfers;
    private final WorkQueue queue;

    /** Pieces that nobody needed when they began to be held. */
    private final BitSet borrowed = new BitSet();

    private boolean closed;

    PiecePool(PieceMap map, MappedFiles files) {
        this.states = new PieceStates(map);
        this.transfers = new Transfers(map, files, states, this::evictLater);
        this.queue = new WorkQueue(map, states, transfers);
    }

    /** A thread's hold of the pool; closing it lets others in. */
    interface Hold extends AutoCloseable {
        @Override
        void close();
    }

    /** Waits until the pool is free. */
    Hold hold() {
        lock.lock();
        return hold;
    }

    /** What a reader is to do next; waits for it. Null: nothing any more. */
    Task take() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (true) {
                if (closed) {
                    return null;
                }
                Task task = queue.next();
                if (task != null) {
                    // One is woken at a time, and wakes the next if it finds something to do.
                    work.signal();
                    return task;
                }
                work.await();
            }
        } finally {
            lock.unlock();
        }
    }

    /** A reader has done what {@link #take} gave it. */
    void done(Task task, IOException problem) {
        lock.lock();
        try {
            task.done(problem);
            work.signal();
            change.signalAll();
        } finally {
            lock.unlock();
        }
    }

    /** Whether the cores are computing, or waiting for a piece. */
    void computing(boolean now) {
        if (queue.isComputing() && !now) {
            work.signal();
        }
        queue.computing(now);
    }

    /** The order to read ahead in from now on. */
    void schedule(Schedule next) {
        queue.schedule(next);
        work.signal();
    }

    /** The readers look again: computing has moved, or a mapping is known. */
    void wake() {
        work.signal();
    }

    boolean isPresent(int piece) {
        return states.is(piece, State.PRESENT);
    }

    boolean isAbsent(int piece) {
        return states.is(piece, State.ABSENT);
    }

    boolean isKept(int piece) {
        return states.isKept(piece);
    }

    /** Has a piece read before anything else, whether there is room or not. */
    void demand(int piece) {
        if (queue.demand(piece)) {
            work.signal();
        }
    }

    /** Has a piece read when nothing is waited for, if there is room for it. */
    void hint(int piece) {
        queue.hint(piece);
        work.signal();
    }

    /** What was hinted at is not needed any more, if it is not being read yet. */
    void unhint() {
        queue.unhint();
    }

    /** Whether the readers can't go on by themselves: no room, and none about to come. */
    boolean isStuck() {
        return queue.isStuck();
    }

    /** A piece is to stay when it comes, or if it is here. */
    void keep(int piece) {
        if (!states.isKept(piece)) {
            queue.rescue(piece);
            states.keep(piece);
        }
    }

    /** A piece is not to stay any longer; it goes when it is released. */
    void unkeep(int piece) {
        if (states.isKept(piece)) {
            states.unkeep(piece);
        }
    }

    /**
     * Lets a piece go, if it is here and is not to stay. One that is computed with goes when it has
     * been: while it leaves memory of our own, there are zeros in its place.
     */
    void release(int piece) {
        if (states.isBusy(piece)) {
            return;
        }
        boolean isIn = transfers.isIn(piece);
        boolean goes = states.is(piece, State.PRESENT) && !states.isKept(piece);
        if (isIn && transfers.slots().isRetiring(piece)) {
            evictLater(piece);
        } else if (isIn && goes) {
            transfers.idle(piece);
        } else if (goes) {
            queue.drop(piece);
        } else {
            return;
        }
        work.signal();
    }

    private void evictLater(int piece) {
        queue.evict(piece);
    }

    /** A piece is computed with until {@link #used}: its memory must not move. */
    void busy(int piece) {
        states.busy(piece, true);
    }

    /**
     * A piece is computed with in places until {@link #letGo}, whether it is here or not: if it is
     * in memory of our own it must not move.
     *
     * @return false if it is on the move: then it is not held, and {@link #awaitChange} comes first
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

    /** The end of {@link #hold}. */
    void letGo(int piece) {
        states.busy(piece, false);
        boolean retiring = transfers.isIn(piece) && transfers.slots().isRetiring(piece);
        if (borrowed.get(piece) || retiring) {
            borrowed.clear(piece);
            release(piece);
        }
    }

    /** A piece has been computed with. */
    void used(int piece) {
        states.busy(piece, false);
        release(piece);
    }

    /** Nothing is computed with any more. */
    void noneBusy() {
        states.busy().forEach(this::used);
        if (transfers.slots() != null) {
            transfers.slots().retiring().forEach(this::evictLater);
            work.signal();
        }
    }

    /** From now on there is memory of our own. */
    void slots(Slots memory) {
        transfers.slots(memory);
        work.signal();
    }

    /** Memory of our own for pieces; null if there is none. */
    Slots slots() {
        return transfers.slots();
    }

    /** Bytes of memory of our own. */
    long ownBytes() {
        return slots() == null ? 0 : slots().bytes();
    }

    /** Changes how much memory slots of a length may take; what must leave them does so soon. */
    void resize(int sizeClass, long quota) {
        for (int piece : slots().resize(sizeClass, quota)) {
            transfers.rescue(piece);
            if (!states.isBusy(piece)) {
                evictLater(piece);
            }
        }
        work.signal();
    }

    /** Bytes that may be on their way. */
    void window(long bytes) {
        states.window(bytes);
        work.signal();
    }

    /** Waits until something changes, a moment at most. */
    void awaitChange() throws InterruptedException, IOException {
        if (transfers.failure() != null) {
            throw transfers.failure();
        }
        change.await(1, TimeUnit.SECONDS);
    }

    /** What the readers failed with is forgotten, and tried again. */
    void clearFailure() {
        transfers.clearFailure();
        work.signal();
    }

    /**
     * There must be a mapping to compute with.
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

    /** For how long at least one reader has been reading. */
    long busyNanos() {
        return transfers.busyNanos();
    }

    /** No reader begins anything from now on; returns when none is in the middle of something. */
    void giveUp() {
        close();
        while (transfers.isUnderWay()) {
            change.awaitUninterruptibly();
        }
    }

    /** The readers end. */
    void close() {
        closed = true;
        work.signalAll();
        change.signalAll();
    }
}
