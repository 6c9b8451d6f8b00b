package io.github.bigllama.internal.pieces;

import java.util.Arrays;

/**
 * In which order a pass uses the pieces, and how far computing and reading are. The order is
 * cyclic: what comes after the end of a pass is the beginning of the next. Not thread-safe.
 */
public final class Schedule {
    /** The pieces in the order of use; a piece that two weights share may be there twice. */
    private final int[] pieces;

    /** By weight: where its pieces start; -1 if it is not in the order. */
    private final int[] start;

    /** Where the pass that computes, or will compute next, begins. */
    private long lap;

    /** What computes now begins here. */
    private long position;

    /** All before this is in memory or being read. */
    private long ahead;

    /**
     * An order of use.
     *
     * @param weights weights by number, in the order of use
     */
    public Schedule(PieceMap map, int[] weights) {
        start = new int[map.weights().all().size()];
        Arrays.fill(start, -1);
        int[] all = new int[Math.max(16, 2 * map.count())];
        int count = 0;
        for (int weight : weights) {
            if (start[weight] >= 0) {
                continue;
            }
            start[weight] = count;
            for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
                if (count == all.length) {
                    all = Arrays.copyOf(all, 2 * count);
                }
                all[count++] = piece;
            }
        }
        pieces = Arrays.copyOf(all, count);
    }

    /** A pass begins: what is read ahead now is its beginning. */
    public void begin() {
        position = lap;
        ahead = Math.max(ahead, lap);
    }

    /** A pass has come to its end. */
    public void end() {
        lap += pieces.length;
        position = lap;
    }

    /** A pass was given up: the next starts from the beginning of it. */
    public void abandon() {
        position = lap;
        ahead = lap;
    }

    /** Computing has reached a weight. */
    public void reach(int weight) {
        if (start[weight] >= 0) {
            position = lap + start[weight];
            ahead = Math.max(ahead, position);
        }
    }

    /** Whether reading in order has yet to come to a piece of a weight. */
    public boolean isAhead(int weight, int index) {
        return start[weight] >= 0 && lap + start[weight] + index >= ahead;
    }

    /** The next piece to look at for reading; -1 if a whole pass ahead has been looked at. */
    public int next() {
        return pieces.length == 0 || ahead - position >= pieces.length
                ? -1
                : pieces[(int) (ahead % pieces.length)];
    }

    /** The piece that {@link #next} gave needs no more attention. */
    public void advance() {
        ahead++;
    }

    /** How much of the pass is behind, 0 to 1. */
    public double progress() {
        return pieces.length == 0 ? 1 : (double) (position - lap) / pieces.length;
    }

    public boolean contains(int weight) {
        return start[weight] >= 0;
    }
}
