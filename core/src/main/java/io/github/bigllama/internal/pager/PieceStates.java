package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pieces.PieceMap;
import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * Which pieces are in memory or on their way, which of them are to stay, and how full the window
 * is. Not thread-safe.
 */
final class PieceStates {
    /** Where a piece is. */
    enum State {
        ABSENT,
        READING,
        PRESENT,
        DROPPING,
        /** In memory of our own, in a slot that the next may take. */
        IDLE
    }

    private final PieceMap map;
    private final State[] states;

    /** Pieces that stay. */
    private final BitSet kept = new BitSet();

    /** All others, while they are not absent or in a slot that the next may take. */
    private final BitSet inWindow = new BitSet();

    /** Pieces that are being computed with. */
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

    State of(int piece) {
        return states[piece];
    }

    boolean is(int piece, State state) {
        return states[piece] == state;
    }

    /** Bytes that may be on their way. */
    void window(long bytes) {
        window = bytes;
    }

    boolean hasRoom(int piece) {
        return kept.get(piece) || windowUsed + map.length(piece) <= window;
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

    /** It has arrived. */
    void read(int piece) {
        states[piece] = State.PRESENT;
        bytesRead += map.length(piece);
        presentBytes += map.length(piece);
    }

    /** It has not arrived. */
    void failed(int piece) {
        states[piece] = State.ABSENT;
        vacate(piece);
    }

    /** It is about to be dropped, or is being dropped. */
    void dropping(int piece) {
        states[piece] = State.DROPPING;
    }

    void dropped(int piece) {
        presentBytes -= map.length(piece);
        states[piece] = State.ABSENT;
        vacate(piece);
    }

    /** It was to be dropped, and stays. */
    void undropped(int piece) {
        states[piece] = State.PRESENT;
    }

    /** Its slot may be taken. */
    void idle(int piece) {
        states[piece] = State.IDLE;
        vacate(piece);
    }

    /** Its slot was to be taken, and could not be emptied. */
    void idleAgain(int piece) {
        states[piece] = State.IDLE;
    }

    /** It is needed again while it is still in its slot. */
    void rescued(int piece) {
        states[piece] = State.PRESENT;
        occupy(piece);
    }

    private void occupy(int piece) {
        if (!kept.get(piece) && !inWindow.get(piece)) {
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

    boolean isKept(int piece) {
        return kept.get(piece);
    }

    /** A piece is to stay when it comes, or if it is here. */
    void keep(int piece) {
        vacate(piece);
        kept.set(piece);
    }

    void unkeep(int piece) {
        kept.clear(piece);
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

    /** The pieces that are being computed with; a copy. */
    IntStream busy() {
        return ((BitSet) busy.clone()).stream();
    }
}
