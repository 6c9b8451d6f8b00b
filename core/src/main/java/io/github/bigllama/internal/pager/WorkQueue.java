package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pager.PieceStates.State;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.Schedule;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;

/**
 * Chooses the next task of the readers: drop used pieces, read pieces that are waited for, read
 * ahead while the window has room. Not thread-safe.
 */
final class WorkQueue {
    private static final int NONE = -1;

    /** With fewer reads at the same time, a disk is not as fast as it can be. */
    private static final int FEW_READS = 3;

    /**
     * With more reads at the same time, no disk is faster, and what is waited for comes later: it
     * is read all the same.
     */
    private static final int MANY_READS = 20;

    /** With as many reads under way no reader begins more, so that it can have several at once. */
    private static final int ENOUGH_READS = 12;

    private final PieceMap map;
    private final PieceStates states;
    private final Transfers transfers;
    private final Deque<Integer> drops = new ArrayDeque<>();

    /** Pieces whose slots are to be freed. */
    private final Deque<Integer> evictions = new ArrayDeque<>();

    private final Deque<Integer> demands = new ArrayDeque<>();
    private final BitSet demanded = new BitSet();

    /** Pieces that have been waited for, until they are used: they keep their slots. */
    private final BitSet awaited = new BitSet();

    /** Pieces that may be needed soon. */
    private final Deque<Integer> prefetches = new ArrayDeque<>();

    private Schedule schedule;
    private Activity activity = Activity.NONE;

    /** What is likely to be needed some time, the likeliest first. */
    private final Deque<Integer> preloads = new ArrayDeque<>();

    /** What a pass is doing. */
    enum Activity {
        /** There is none. */
        NONE,
        COMPUTING,
        /** For a piece. */
        WAITING
    }

    WorkQueue(PieceMap map, PieceStates states, Transfers transfers) {
        this.map = map;
        this.states = states;
        this.transfers = transfers;
        this.schedule = new Schedule(map, new int[0]);
    }

    /** Sets the order to read ahead in from now on. */
    void schedule(Schedule next) {
        schedule = next;
    }

    void activity(Activity now) {
        activity = now;
    }

    /**
     * Has a piece read before anything else, whether there is room or not.
     *
     * @return whether there is a new task
     */
    boolean demand(int piece) {
        awaited.set(piece);
        if (states.is(piece, State.ABSENT) && !demanded.get(piece)) {
            demanded.set(piece);
            demands.addLast(piece);
            return true;
        }
        rescue(piece);
        return false;
    }

    /** Ends the use of a piece. */
    void used(int piece) {
        awaited.clear(piece);
    }

    /** Ends the use of all pieces. */
    void allUsed() {
        awaited.clear();
    }

    /** Has a piece read if there is room for it and no piece is waited for. */
    void prefetch(int piece) {
        prefetches.addLast(piece);
    }

    void cancelPrefetch() {
        prefetches.clear();
    }

    /** Has pieces read, as far as they are to stay, when there is nothing else to do. */
    void preload(int[] pieces) {
        preloads.clear();
        for (int piece : pieces) {
            preloads.addLast(piece);
        }
    }

    /** Has a piece in the page cache dropped. */
    void drop(int piece) {
        states.dropping(piece);
        drops.addLast(piece);
    }

    /** Has a piece leave its slot, if it is there. */
    void evict(int piece) {
        if (states.is(piece, State.PRESENT)) {
            states.dropping(piece);
            evictions.addLast(piece);
        }
    }

    /** Keeps a piece that waits to be dropped; one that is being dropped is dropped. */
    void rescue(int piece) {
        if (states.is(piece, State.DROPPING) && drops.remove((Integer) piece)) {
            states.undropped(piece);
        } else {
            transfers.rescue(piece);
        }
    }

    /**
     * The next task; null if there is none.
     *
     * @param isFirst whether a reader begins with it: then fewer reads may be under way, so that it
     *     finds several for a batch
     */
    Transfers.Task next(boolean isFirst) {
        if (!evictions.isEmpty()) {
            return transfers.evict(evictions.removeFirst());
        }
        Transfers.Task growth = transfers.grow();
        if (growth != null) {
            return growth;
        }
        if (!drops.isEmpty() && !isDropLater()) {
            return transfers.drop(drops.removeFirst());
        }
        int piece = transfers.failure() != null ? NONE : wanted(isFirst);
        if (piece == NONE) {
            return null;
        }
        demanded.clear(piece);
        return transfers.read(piece);
    }

    /**
     * The next piece to read: one that is waited for, one that may be needed soon, or the next in
     * order.
     */
    private int wanted(boolean isFirst) {
        if (!demands.isEmpty()) {
            boolean canStart = transfers.canStart(demands.peekFirst(), awaited);
            return canStart ? demands.removeFirst() : NONE;
        }
        if (transfers.reading() >= (isFirst ? ENOUGH_READS : MANY_READS)) {
            return NONE;
        }
        while (!prefetches.isEmpty()) {
            int piece = prefetches.peekFirst();
            if (states.is(piece, State.ABSENT)) {
                if (!isReady(piece)) {
                    // What is needed for certain may come before it.
                    break;
                }
                return prefetches.removeFirst();
            }
            prefetches.removeFirst();
        }
        int next = ahead();
        return next != NONE ? next : preload();
    }

    /** What is waited for hardly comes later because of these: the disk is not busy with it. */
    private int preload() {
        boolean isIdle = activity != Activity.WAITING || transfers.reading() < FEW_READS;
        while (!preloads.isEmpty() && isIdle) {
            int piece = preloads.peekFirst();
            boolean isWanted =
                    states.is(piece, State.ABSENT)
                            && states.isPinned(piece)
                            && transfers.isMapped(piece)
                            && !demanded.get(piece);
            if (isWanted && !isReady(piece)) {
                return NONE;
            }
            preloads.removeFirst();
            if (isWanted) {
                return piece;
            }
        }
        return NONE;
    }

    /** A piece in use that page faults bring in must not be moved meanwhile. */
    private boolean isReady(int piece) {
        return states.hasRoom(piece) && transfers.hasPlace(piece) && !states.isBusy(piece);
    }

    /**
     * Slices of experts are in small pages, which take processor time to drop: better while
     * computing waits anyway, unless room runs out.
     */
    private boolean isDropLater() {
        if (states.isOverfull()
                || !prefetches.isEmpty() && !states.hasRoom(prefetches.peekFirst())) {
            return false;
        }
        boolean isSlice = drops.peekFirst() >= map.everyTokenCount();
        return !demands.isEmpty() || activity == Activity.COMPUTING && isSlice;
    }

    /** The next piece in the order of use, if there is room for it. */
    private int ahead() {
        while (true) {
            int piece = schedule.next();
            if (piece < 0 || !transfers.isMapped(piece)) {
                return NONE;
            }
            if (states.is(piece, State.ABSENT) && !demanded.get(piece)) {
                if (!isReady(piece)) {
                    return NONE;
                }
                schedule.advance();
                return piece;
            }
            if (states.is(piece, State.IDLE)) {
                if (!states.hasRoom(piece)) {
                    return NONE;
                }
                rescue(piece);
            } else if (states.is(piece, State.DROPPING)) {
                // In a short cycle, a piece that was just used is needed again soon: it is read
                // again after it is dropped.
                return NONE;
            }
            schedule.advance();
        }
    }

    /**
     * Whether the readers can't continue by themselves: there is no room, and none about to become
     * free.
     */
    boolean isStuck() {
        if (transfers.isUnderWay() || !drops.isEmpty() || !demands.isEmpty()) {
            return false;
        }
        int piece = schedule.next();
        // Pieces already in memory do not count: a reader would skip them and stop after them.
        while (piece >= 0 && (states.is(piece, State.PRESENT) || demanded.get(piece))) {
            schedule.advance();
            piece = schedule.next();
        }
        return piece < 0
                || !transfers.isMapped(piece)
                || states.is(piece, State.ABSENT) && !isReady(piece)
                || states.is(piece, State.IDLE) && !states.hasRoom(piece);
    }
}
