package io.github.bigllama.internal.pieces;

import java.util.Arrays;

/**
 * The order in which a pass uses pieces, and how far computing and reading have come. The order is
 * cyclic: the end of a pass is followed by the beginning of the next. Not thread-safe.
 */
public final class Schedule {
    /** The pieces in the order of use; a piece that two weights share may be there twice. */
    private final int[] pieces;

    /** By weight: the index of its first piece; -1 if it is not in the order. */
    private final int[] start;

    /** The position where the current or the next pass begins. */
    private long lap;

    /** The position of the weight that is computed with. */
    private long position;

    /** All pieces before this position are in memory or being read. */
    private long ahead;

    /**
     * Creates a schedule.
     *
     * @param weights the numbers of the weights, in the order of use
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

    /** Begins a pass, whose beginning may have been read ahead. */
    public void begin() {
        position = lap;
        ahead = Math.max(ahead, lap);
    }

    /** Ends a pass that is complete. */
    public void end() {
        lap += pieces.length;
        position = lap;
    }

    /** Gives up a pass: the next one starts from its beginning. */
    public void abandon() {
        position = lap;
        ahead = lap;
    }

    /** Notes that computing has reached a weight. */
    public void reach(int weight) {
        if (start[weight] >= 0) {
            position = lap + start[weight];
            ahead = Math.max(ahead, position);
        }
    }

    /** Whether reading in order has not reached a piece of a weight yet. */
    public boolean isAhead(int weight, int index) {
        return start[weight] >= 0 && lap + start[weight] + index >= ahead;
    }

    /** The next piece to consider for reading; -1 if a whole pass ahead has been considered. */
    public int next() {
        return pieces.length == 0 || ahead - position >= pieces.length
                ? -1
                : pieces[(int) (ahead % pieces.length)];
    }

    /** Moves on from the piece that {@link #next} returned. */
    public void advance() {
        ahead++;
    }

    /** The part of the pass that is done, 0 to 1. */
    public double progress() {
        return pieces.length == 0 ? 1 : (double) (position - lap) / pieces.length;
    }

    public boolean contains(int weight) {
        return start[weight] >= 0;
    }
}
