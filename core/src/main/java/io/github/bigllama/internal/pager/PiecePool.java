package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnFile;
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
 * #done} is called by a thread that has a {@link #hold}.
 */
final class PiecePool {
    private static final byte ABSENT = 0;
    private static final byte READING = 1;
    private static final byte PRESENT = 2;
    private static final byte DROPPING = 3;

    /** In memory of our own, in a slot that the next may take. */
    private static final byte IDLE = 4;

    private final ReentrantLock lock = new ReentrantLock();
    private final Hold hold = lock::unlock;

    /** The readers have something to do. */
    private final Condition work = lock.newCondition();

    /** A piece has arrived or gone. */
    private final Condition change = lock.newCondition();

    private final PieceMap map;
    private final byte[] state;

    private final MappedFiles files;

    /** Pieces that stay; all others are in the window while they are not absent. */
    private final BitSet kept = new BitSet();

    /** Pieces whose first and last pages have been brought into the page cache. */
    private final BitSet edges = new BitSet();

    /** Pieces that are being computed with. */
    private final BitSet busy = new BitSet();

    private final Deque<Integer> drops = new ArrayDeque<>();

    /** Pieces whose slots go back to the system. */
    private final Deque<Integer> evictions = new ArrayDeque<>();

    /** Memory of our own; null if there is none. */
    private Slots slots;

    private final Deque<Integer> demands = new ArrayDeque<>();
    private final BitSet demanded = new BitSet();

    /** What may be needed soon. */
    private final Deque<Integer> hints = new ArrayDeque<>();

    private Schedule schedule;
    private long window;
    private long windowUsed;
    private int reading;
    private int dropping;
    private int growing;
    private boolean computing;
    private boolean closed;
    private IOException failure;
    private long bytesRead;
    private long presentBytes;

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
    }

    PiecePool(PieceMap map, MappedFiles files) {
        this.map = map;
        this.state = new byte[map.count()];
        this.files = files;
        this.schedule = new Schedule(map, new int[0]);
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
                Task task = next();
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

    private Task next() {
        if (!evictions.isEmpty()) {
            return evict(evictions.removeFirst());
        }
        Slots.Growth growth = slots == null ? null : slots.growth();
        if (growth != null) {
            return grow(growth);
        }
        while (!drops.isEmpty() && !isDropLater()) {
            int piece = drops.removeFirst();
            if (state[piece] == DROPPING) {
                return drop(piece);
            }
        }
        int piece = failure != null ? -1 : wanted();
        if (piece < 0) {
            return null;
        }
        demanded.clear(piece);
        return isOwn(piece) && slots.isAvailable(piece) ? fill(piece) : read(piece);
    }

    /** Whether a piece is to be in memory of our own. */
    private boolean isOwn(int piece) {
        return slots != null && slots.has(piece) && files.own(map.file(piece)) != null;
    }

    /** Whether reading a piece can begin: it has a slot, or there will be none for it. */
    private boolean canStart(int piece) {
        return !isOwn(piece) || slots.isAvailable(piece) || slots.isExhausted(piece);
    }

    private void reading(int piece) {
        state[piece] = READING;
        if (!kept.get(piece)) {
            windowUsed += map.length(piece);
        }
        if (reading++ == 0) {
            busySince = System.nanoTime();
        }
    }

    private Task read(int piece) {
        reading(piece);
        MappedFile file = files.get(map.file(piece));
        return new Task(
                () -> file.read(map.offset(piece), map.length(piece)),
                problem -> hasRead(piece, problem));
    }

    private Task drop(int piece) {
        dropping++;
        MappedFile file = files.get(map.file(piece));
        return new Task(
                () -> file.drop(map.ownOffset(piece), map.ownLength(piece)),
                problem -> {
                    dropping--;
                    presentBytes -= map.length(piece);
                    gone(piece);
                });
    }

    /** Reads into memory of our own; what was in the slot goes back before. */
    private Task fill(int piece) {
        reading(piece);
        Slots.Slot slot = slots.acquire(piece);
        int before = slot.evicted();
        if (before >= 0) {
            state[before] = DROPPING;
        }
        MappedFile file = files.get(map.file(piece));
        OwnFile own = files.own(map.file(piece));
        OwnFile ownBefore = before < 0 ? null : files.own(map.file(before));
        long start = map.ownOffset(piece);
        long end = start + map.ownLength(piece);
        boolean withEdges = !edges.get(piece);
        boolean[] evicted = new boolean[1];
        boolean[] fallback = new boolean[1];
        return new Task(
                () -> {
                    try {
                        if (before >= 0) {
                            ownBefore.evict(
                                    slot.address(), map.ownOffset(before), map.ownLength(before));
                        }
                        evicted[0] = true;
                        // The pages at its ends are its neighbours' too: those are the file's,
                        // and stay once they are there.
                        if (withEdges && map.offset(piece) < start) {
                            file.read(map.offset(piece), start - map.offset(piece));
                        }
                        if (withEdges && end < map.offset(piece) + map.length(piece)) {
                            file.read(end, map.offset(piece) + map.length(piece) - end);
                        }
                        own.fill(slot.address(), start, end - start);
                    } catch (OwnFile.MoveException e) {
                        fallback[0] = true;
                        file.read(map.offset(piece), map.length(piece));
                    }
                },
                problem -> {
                    if (before >= 0 && evicted[0]) {
                        presentBytes -= map.length(before);
                        gone(before);
                    } else if (before >= 0) {
                        state[before] = IDLE;
                    }
                    if (fallback[0]) {
                        slots.refused(piece, evicted[0] ? -1 : before);
                    } else if (problem != null) {
                        slots.vacate(piece);
                    }
                    edges.set(piece, problem == null);
                    hasRead(piece, problem);
                    // Memory has become short meanwhile.
                    if (slots.isRetiring(piece) && !busy.get(piece)) {
                        evictLater(piece);
                    }
                });
    }

    private Task evict(int piece) {
        dropping++;
        OwnFile own = files.own(map.file(piece));
        long address = slots.address(piece);
        return new Task(
                () -> own.evict(address, map.ownOffset(piece), map.ownLength(piece)),
                problem -> {
                    dropping--;
                    if (problem == null) {
                        slots.vacate(piece);
                        presentBytes -= map.length(piece);
                        gone(piece);
                    } else {
                        state[piece] = PRESENT;
                    }
                });
    }

    private Task grow(Slots.Growth growth) {
        growing++;
        long[] address = new long[1];
        return new Task(
                () -> address[0] = growth.run(),
                problem -> {
                    growing--;
                    slots.grown(growth, address[0]);
                });
    }

    private void evictLater(int piece) {
        if (state[piece] == PRESENT) {
            state[piece] = DROPPING;
            evictions.addLast(piece);
        }
    }

    /** What is waited for, what may be needed soon, what comes in order. */
    private int wanted() {
        if (!demands.isEmpty()) {
            return canStart(demands.peekFirst()) ? demands.removeFirst() : -1;
        }
        while (!hints.isEmpty()) {
            int piece = hints.peekFirst();
            if (state[piece] == ABSENT) {
                if (!hasRoom(piece) || !canStart(piece)) {
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
            work.signal();
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
                if (!hasRoom(piece) || !canStart(piece)) {
                    return -1;
                }
                schedule.advance();
                return piece;
            }
            if (state[piece] == IDLE) {
                if (!hasRoom(piece)) {
                    return -1;
                }
                rescue(piece);
            } else if (state[piece] == DROPPING) {
                // Used a moment ago, and again soon: a short cycle. Its turn comes when it is gone.
                return -1;
            }
            schedule.advance();
        }
    }

    /** A reader has done what {@link #take} gave it. */
    void done(Task task, IOException problem) {
        lock.lock();
        try {
            task.outcome.accept(problem);
            work.signal();
            change.signalAll();
        } finally {
            lock.unlock();
        }
    }

    private void hasRead(int piece, IOException problem) {
        if (--reading == 0) {
            busyNanos += System.nanoTime() - busySince;
        }
        if (problem == null) {
            state[piece] = PRESENT;
            bytesRead += map.length(piece);
            presentBytes += map.length(piece);
        } else {
            failure = problem;
            gone(piece);
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
        work.signal();
    }

    /** The readers look again: computing has moved, or a mapping is known. */
    void wake() {
        work.signal();
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
        if (reading + dropping + growing > 0 || !drops.isEmpty() || !demands.isEmpty()) {
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
                || state[piece] == ABSENT && !(hasRoom(piece) && canStart(piece))
                || state[piece] == IDLE && !hasRoom(piece);
    }

    /** A piece that waits to be dropped stays; one that is being dropped does not. */
    private void rescue(int piece) {
        if (state[piece] == DROPPING && drops.remove((Integer) piece)) {
            state[piece] = PRESENT;
        } else if (state[piece] == IDLE && slots.rescue(piece)) {
            state[piece] = PRESENT;
            if (!kept.get(piece)) {
                windowUsed += map.length(piece);
            }
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

    /**
     * Lets a piece go, if it is here and is not to stay. One that is computed with goes when it has
     * been: while it leaves memory of our own, there are zeros in its place.
     */
    void release(int piece) {
        if (busy.get(piece)) {
            return;
        }
        boolean isIn = slots != null && slots.isIn(piece);
        if (isIn && slots.isRetiring(piece)) {
            evictLater(piece);
            work.signal();
        } else if (isIn && state[piece] == PRESENT && !kept.get(piece)) {
            state[piece] = IDLE;
            windowUsed -= map.length(piece);
            slots.idle(piece);
            work.signal();
        } else if (state[piece] == PRESENT && !kept.get(piece)) {
            state[piece] = DROPPING;
            drops.addLast(piece);
            work.signal();
        }
    }

    /** A piece is computed with until {@link #used}: its memory must not move. */
    void busy(int piece) {
        busy.set(piece);
    }

    /** A piece has been computed with. */
    void used(int piece) {
        busy.clear(piece);
        release(piece);
    }

    /** Nothing is computed with any more. */
    void noneBusy() {
        ((BitSet) busy.clone()).stream().forEach(this::used);
        if (slots != null) {
            slots.retiring().forEach(this::evictLater);
            work.signal();
        }
    }

    /** No reader begins anything from now on; returns when none is in the middle of something. */
    void giveUp() {
        close();
        while (reading + dropping + growing > 0) {
            change.awaitUninterruptibly();
        }
    }

    /** From now on there is memory of our own. */
    void slots(Slots memory) {
        slots = memory;
        work.signal();
    }

    /** Memory of our own for pieces; null if there is none. */
    Slots slots() {
        return slots;
    }

    /** Bytes of memory of our own. */
    long ownBytes() {
        return slots == null ? 0 : slots.bytes();
    }

    /** Changes how much memory slots of a length may take; what must leave them does so soon. */
    void resize(int sizeClass, long quota) {
        for (int piece : slots.resize(sizeClass, quota)) {
            if (state[piece] == IDLE) {
                rescue(piece);
            }
            if (!busy.get(piece)) {
                evictLater(piece);
            }
        }
        work.signal();
    }

    void window(long bytes) {
        window = bytes;
        work.signal();
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
        work.signal();
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
