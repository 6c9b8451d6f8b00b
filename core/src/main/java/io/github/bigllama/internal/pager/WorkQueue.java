package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pager.PieceStates.State;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.Schedule;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;

/**
 * What the readers are to do next: drop what has been used, read what is waited for, read ahead
 * while the window has room. Not thread-safe.
 */
final class WorkQueue {
    private static final int NONE = -1;

    private final PieceMap map;
    private final PieceStates states;
    private final Transfers transfers;
    private final Deque<Integer> drops = new ArrayDeque<>();

    /** Pieces whose slots go back to the system. */
    private final Deque<Integer> evictions = new ArrayDeque<>();

    private final Deque<Integer> demands = new ArrayDeque<>();
    private final BitSet demanded = new BitSet();

    /** What may be needed soon. */
    private final Deque<Integer> hints = new ArrayDeque<>();

    private Schedule schedule;
    private boolean computing;

    WorkQueue(PieceMap map, PieceStates states, Transfers transfers) {
        this.map = map;
        this.states = states;
        this.transfers = transfers;
        this.schedule = new Schedule(map, new int[0]);
    }

    /** The order to read ahead in from now on. */
    void schedule(Schedule next) {
        schedule = next;
    }

    /** Whether the cores are computing, or waiting for a piece. */
    void computing(boolean now) {
        computing = now;
    }

    boolean isComputing() {
        return computing;
    }

    /**
     * Has a piece read before anything else, whether there is room or not.
     *
     * @return whether there is something new to do
     */
    boolean demand(int piece) {
        if (states.is(piece, State.ABSENT) && !demanded.get(piece)) {
            demanded.set(piece);
            demands.addLast(piece);
            return true;
        }
        rescue(piece);
        return false;
    }

    /** Has a piece read when nothing is waited for, if there is room for it. */
    void hint(int piece) {
        hints.addLast(piece);
    }

    void unhint() {
        hints.clear();
    }

    /** Has a piece dropped that is in the page cache. */
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

    /** A piece that waits to be dropped stays; one that is being dropped does not. */
    void rescue(int piece) {
        if (states.is(piece, State.DROPPING) && drops.remove((Integer) piece)) {
            states.undropped(piece);
        } else {
            transfers.rescue(piece);
        }
    }

    /** What is to be done next; null if nothing is. */
    Transfers.Task next() {
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
        int piece = transfers.failure() != null ? NONE : wanted();
        if (piece == NONE) {
            return null;
        }
        demanded.clear(piece);
        return transfers.read(piece);
    }

    /** What is waited for, what may be needed soon, what comes in order. */
    private int wanted() {
        if (!demands.isEmpty()) {
            return transfers.canStart(demands.peekFirst()) ? demands.removeFirst() : NONE;
        }
        while (!hints.isEmpty()) {
            int piece = hints.peekFirst();
            if (states.is(piece, State.ABSENT)) {
                if (!isReady(piece)) {
                    return NONE;
                }
                return hints.removeFirst();
            }
            hints.removeFirst();
        }
        return ahead();
    }

    /** What someone computes with while it comes by page faults is not moved there meanwhile. */
    private boolean isReady(int piece) {
        return states.hasRoom(piece) && transfers.canStart(piece) && !states.isBusy(piece);
    }

    /**
     * Slices of experts are in small pages, and dropping those takes time on a core: better while
     * computing waits anyway, unless room runs out.
     */
    private boolean isDropLater() {
        if (states.isOverfull() || !hints.isEmpty() && !states.hasRoom(hints.peekFirst())) {
            return false;
        }
        return !demands.isEmpty() || computing && drops.peekFirst() >= map.everyTokenCount();
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
                // Used a moment ago, and again soon: a short cycle. Its turn comes when it is gone.
                return NONE;
            }
            schedule.advance();
        }
    }

    /** Whether the readers can't go on by themselves: no room, and none about to come. */
    boolean isStuck() {
        if (transfers.isUnderWay() || !drops.isEmpty() || !demands.isEmpty()) {
            return false;
        }
        int piece = schedule.next();
        // What is here already is no reason to hope: a reader would pass it and stop behind it.
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
