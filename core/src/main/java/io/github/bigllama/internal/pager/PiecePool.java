package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pagecache.MappedFile;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Which pieces are in memory, and what the readers are to do next: drop what has been used, read
 * what is waited for, read ahead while the window has room. Everything but {@link #take} and {@link
 * #done} is called with {@link #lock} held.
 */
final class PiecePool {
    private static final byte ABSENT = 0;
    private static final byte READING = 1;
    private static final byte PRESENT = 2;
    private static final byte DROPPING = 3;

    final ReentrantLock lock = new ReentrantLock();

    /** The readers have something to do. */
    private final Condition work = lock.newCondition();

    /** A piece has arrived or gone. */
    private final Condition change = lock.newCondition();

    private final PieceMap map;
    private final byte[] state;

    private final MappedFiles files;

    /** Pieces that stay; all others are in the window while they are not absent. */
    private final BitSet kept = new BitSet();

    private final Deque<Integer> drops = new ArrayDeque<>();
    private final Deque<Integer> demands = new ArrayDeque<>();
    private final BitSet demanded = new BitSet();

    /** What may be needed soon. */
    private final Deque<Integer> hints = new ArrayDeque<>();

    private Schedule schedule;
    private long window;
    private long windowUsed;
    private int reading;
    private int dropping;
    private boolean computing;
    private boolean closed;
    private IOException failure;
    private long bytesRead;
    private long presentBytes;

    /** Since when at least one reader has been reading; 0 if none is. */
    private long busySince;

    private long busyNanos;

    /** A piece to read, or to drop. */
    record Task(int piece, boolean drop, MappedFile file, long offset, long length) {}

    PiecePool(PieceMap map, MappedFiles files) {
        this.map = map;
        this.state = new byte[map.count()];
        this.files = files;
        this.schedule = new Schedule(map, new int[0]);
    }

    /** What a reader is to do next; waits for it. Null: nothing any more. */
    Task take() throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (true) {
                if (closed) {
                    return null;
                }
                Task task = next();
                if (task != null) {
                    return task;
                }
                work.await();
            }
        } finally {
            lock.unlock();
        }
    }

    private Task next() {
        while (!drops.isEmpty() && !isDropLater()) {
            int piece = drops.removeFirst();
            if (state[piece] == DROPPING) {
                dropping++;
                return task(piece, true);
            }
        }
        int piece = failure != null ? -1 : wanted();
        if (piece < 0) {
            return null;
        }
        demanded.clear(piece);
        state[piece] = READING;
        if (!kept.get(piece)) {
            windowUsed += map.length(piece);
        }
        if (reading++ == 0) {
            busySince = System.nanoTime();
        }
        return task(piece, false);
    }

    /** What is waited for, what may be needed soon, what comes in order. */
    private int wanted() {
        if (!demands.isEmpty()) {
            return demands.removeFirst();
        }
        while (!hints.isEmpty()) {
            int piece = hints.peekFirst();
            if (state[piece] == ABSENT) {
                if (!hasRoom(piece)) {
                    return -1;
                }
                return hints.removeFirst();
            }
            hints.removeFirst();
        }
        return ahead();
    }

    private boolean hasRoom(int piece) {
        return kept.get(piece) || windowUsed + map.length(piece) <= window;
    }

    /**
     * Slices of experts are in small pages, and dropping those takes time on a core: better while
     * computing waits anyway, unless room runs out.
     */
    private boolean isDropLater() {
        if (windowUsed > window || !hints.isEmpty() && !hasRoom(hints.peekFirst())) {
            return false;
        }
        return !demands.isEmpty() || computing && drops.peekFirst() >= map.everyTokenCount();
    }

    /** Whether the cores are computing, or waiting for a piece. */
    void computing(boolean now) {
        if (computing && !now) {
            work.signalAll();
        }
        computing = now;
    }

    /** The next piece in the order of use, if there is room for it. */
    private int ahead() {
        while (true) {
            int piece = schedule.next();
            if (piece < 0 || files.get(map.file(piece)) == null) {
                return -1;
            }
            if (state[piece] == ABSENT && !demanded.get(piece)) {
                if (!hasRoom(piece)) {
                    return -1;
                }
                schedule.advance();
                return piece;
            }
            if (state[piece] == DROPPING) {
                // Used a moment ago, and again soon: a short cycle. Its turn comes when it is gone.
                return -1;
            }
            schedule.advance();
        }
    }

    private Task task(int piece, boolean drop) {
        MappedFile file = files.get(map.file(piece));
        return drop
                ? new Task(piece, true, file, map.ownOffset(piece), map.ownLength(piece))
                : new Task(piece, false, file, map.offset(piece), map.length(piece));
    }

    /** A reader has done what {@link #take} gave it. */
    void done(Task task, IOException problem) {
        lock.lock();
        try {
            int piece = task.piece;
            if (task.drop) {
                dropping--;
                presentBytes -= map.length(piece);
                gone(piece);
            } else {
                if (--reading == 0) {
                    busyNanos += System.nanoTime() - busySince;
                }
                if (problem == null) {
                    state[piece] = PRESENT;
                    bytesRead += task.length;
                    presentBytes += task.length;
                } else {
                    failure = problem;
                    gone(piece);
                }
            }
            work.signalAll();
            change.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void gone(int piece) {
        state[piece] = ABSENT;
        if (!kept.get(piece)) {
            windowUsed -= map.length(piece);
        }
    }

    /** The order to read ahead in from now on. */
    void schedule(Schedule next) {
        schedule = next;
        work.signalAll();
    }

    /** The readers look again: computing has moved, or a mapping is known. */
    void wake() {
        work.signalAll();
    }

    boolean isPresent(int piece) {
        return state[piece] == PRESENT;
    }

    boolean isAbsent(int piece) {
        return state[piece] == ABSENT;
    }

    boolean isKept(int piece) {
        return kept.get(piece);
    }

    /** Has a piece read before anything else, whether there is room or not. */
    void demand(int piece) {
        if (state[piece] == ABSENT && !demanded.get(piece)) {
            demanded.set(piece);
            demands.addLast(piece);
            work.signal();
        } else {
            rescue(piece);
        }
    }

    /** Has a piece read when nothing is waited for, if there is room for it. */
    void hint(int piece) {
        hints.addLast(piece);
        work.signal();
    }

    /** What was hinted at is not needed any more, if it is not being read yet. */
    void unhint() {
        hints.clear();
    }

    /** Whether the readers can't go on by themselves: no room, and none about to come. */
    boolean isStuck() {
        if (reading > 0 || dropping > 0 || !drops.isEmpty() || !demands.isEmpty()) {
            return false;
        }
        int piece = schedule.next();
        // What is here already is no reason to hope: a reader would pass it and stop behind it.
        while (piece >= 0 && (state[piece] == PRESENT || demanded.get(piece))) {
            schedule.advance();
            piece = schedule.next();
        }
        return piece < 0
                || files.get(map.file(piece)) == null
                || state[piece] == ABSENT && !hasRoom(piece);
    }

    /** A piece that waits to be dropped stays; one that is being dropped does not. */
    private void rescue(int piece) {
        if (state[piece] == DROPPING && drops.remove((Integer) piece)) {
            state[piece] = PRESENT;
        }
    }

    /** A piece is to stay when it comes, or if it is here. */
    void keep(int piece) {
        if (kept.get(piece)) {
            return;
        }
        rescue(piece);
        kept.set(piece);
        if (state[piece] != ABSENT) {
            windowUsed -= map.length(piece);
        }
    }

    /** A piece is not to stay any longer; it goes when it is released. */
    void unkeep(int piece) {
        if (kept.get(piece)) {
            kept.clear(piece);
            if (state[piece] != ABSENT) {
                windowUsed += map.length(piece);
            }
        }
    }

    /** Lets a piece go, if it is here and is not to stay. */
    void release(int piece) {
        if (state[piece] == PRESENT && !kept.get(piece)) {
            state[piece] = DROPPING;
            drops.addLast(piece);
            work.signal();
        }
    }

    void window(long bytes) {
        window = bytes;
        work.signalAll();
    }

    /** Waits until something changes, a moment at most. */
    void awaitChange() throws InterruptedException, IOException {
        if (failure != null) {
            throw failure;
        }
        change.await(1, TimeUnit.SECONDS);
    }

    /** What the readers failed with is forgotten, and tried again. */
    void clearFailure() {
        failure = null;
        work.signalAll();
    }

    IOException failure() {
        return failure;
    }

    /** Bytes read since the beginning. */
    long bytesRead() {
        return bytesRead;
    }

    /** Bytes that are in memory. */
    long presentBytes() {
        return presentBytes;
    }

    /** For how long at least one reader has been reading. */
    long busyNanos() {
        return busyNanos + (reading > 0 ? System.nanoTime() - busySince : 0);
    }

    /** The readers end. */
    void close() {
        closed = true;
        work.signalAll();
        change.signalAll();
    }
}
