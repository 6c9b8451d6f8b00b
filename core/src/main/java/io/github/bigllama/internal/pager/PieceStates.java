package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pieces.PieceMap;
import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;

/** The states of all pieces, the pieces to keep, and how full the window is. Not thread-safe. */
final class PieceStates {
    /** The states of a piece. */
    enum State {
        ABSENT,
        READING,
        PRESENT,
        DROPPING,
        /** In own memory, in a slot that another piece may take. */
        IDLE
    }

    private final PieceMap map;
    private final State[] states;

    /** Pieces that are to stay in memory. */
    private final BitSet pinned = new BitSet();

    /**
     * All other pieces, while they are neither absent nor in a slot that another piece may take.
     */
    private final BitSet inWindow = new BitSet();

    /** Pieces in use. */
    private final BitSet busy = new BitSet();

    private long window;
    private long windowUsed;
    private long bytesRead;
    private long presentBytes;

    PieceStates(PieceMap map) {
        this.map = map;
        this.states = new State[map.count()];
        Arrays.fill(states, State.ABSENT);
    }

    /** Number of pieces. */
    int count() {
        return states.length;
    }

    State of(int piece) {
        return states[piece];
    }

    boolean is(int piece, State state) {
        return states[piece] == state;
    }

    /** Sets the size of the window in bytes. */
    void window(long bytes) {
        window = bytes;
    }

    boolean hasRoom(int piece) {
        return pinned.get(piece) || windowUsed + map.length(piece) <= window;
    }

    boolean isOverfull() {
        return windowUsed > window;
    }

    /** Bytes read since the beginning. */
    long bytesRead() {
        return bytesRead;
    }

    /** Bytes that are in memory. */
    long presentBytes() {
        return presentBytes;
    }

    void reading(int piece) {
        states[piece] = State.READING;
        occupy(piece);
    }

    /** A piece has arrived. */
    void read(int piece) {
        states[piece] = State.PRESENT;
        bytesRead += map.length(piece);
        presentBytes += map.length(piece);
    }

    /** Reading a piece has failed. */
    void failed(int piece) {
        states[piece] = State.ABSENT;
        vacate(piece);
    }

    /** A piece will be dropped, or is being dropped. */
    void dropping(int piece) {
        states[piece] = State.DROPPING;
    }

    void dropped(int piece) {
        presentBytes -= map.length(piece);
        states[piece] = State.ABSENT;
        vacate(piece);
    }

    /** A piece that was to be dropped stays. */
    void undropped(int piece) {
        states[piece] = State.PRESENT;
    }

    /** The slot of a piece may be taken. */
    void idle(int piece) {
        states[piece] = State.IDLE;
        vacate(piece);
    }

    /** The slot of a piece could not be emptied. */
    void idleAgain(int piece) {
        states[piece] = State.IDLE;
    }

    /** A piece is needed again while it is still in its slot. */
    void rescued(int piece) {
        states[piece] = State.PRESENT;
        occupy(piece);
    }

    private void occupy(int piece) {
        if (!pinned.get(piece) && !inWindow.get(piece)) {
            inWindow.set(piece);
            windowUsed += map.length(piece);
        }
    }

    private void vacate(int piece) {
        if (inWindow.get(piece)) {
            inWindow.clear(piece);
            windowUsed -= map.length(piece);
        }
    }

    boolean isPinned(int piece) {
        return pinned.get(piece);
    }

    /** Pins a piece, now or when it arrives. */
    void pin(int piece) {
        vacate(piece);
        pinned.set(piece);
    }

    void unpin(int piece) {
        pinned.clear(piece);
        if (states[piece] != State.ABSENT) {
            occupy(piece);
        }
    }

    boolean isBusy(int piece) {
        return busy.get(piece);
    }

    void busy(int piece, boolean now) {
        busy.set(piece, now);
    }

    /** The pieces in use; a copy. */
    IntStream busy() {
        return ((BitSet) busy.clone()).stream();
    }
}
