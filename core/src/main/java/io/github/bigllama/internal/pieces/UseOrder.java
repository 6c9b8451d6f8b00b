package io.github.bigllama.internal.pieces;

import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;
import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * In which order passes use the weights: at first as their names tell, then as the last complete
 * pass did. Not thread-safe.
 */
public final class UseOrder {
    private final PieceMap map;

    /** The weights in the order of use. */
    private int[] order;

    /** How many weights the order has that was learned from a pass; 0 before the first. */
    private int learned;

    /** The weights that this pass has used so far, each once. */
    private final int[] observed;

    private int observedCount;
    private final BitSet seen = new BitSet();

    /** What every token uses. */
    private Schedule narrow;

    /** That and all experts; the same for a dense model. */
    private Schedule wide;

    private Schedule current;

    public UseOrder(PieceMap map) {
        this.map = map;
        int count = map.weights().all().size();
        observed = new int[count];
        order = IntStream.range(0, count).filter(w -> map.last(w) >= map.first(w)).toArray();
        schedules();
        current = narrow;
    }

    private void schedules() {
        Weights weights = map.weights();
        narrow =
                new Schedule(
                        map,
                        Arrays.stream(order)
                                .filter(w -> weights.all().get(w).use() == Use.EVERY_TOKEN)
                                .toArray());
        wide = weights.hasExperts() ? new Schedule(map, order) : narrow;
    }

    /** A pass begins, with all experts or without; returns what to read ahead by. */
    public Schedule begin(boolean withExperts) {
        Schedule next = withExperts ? wide : narrow;
        if (next != current) {
            next.abandon();
            current = next;
        }
        current.begin();
        observedCount = 0;
        seen.clear();
        return current;
    }

    /** What the pass under way is read ahead by. */
    public Schedule current() {
        return current;
    }

    /** Whether the pass under way reads all experts in order. */
    public boolean isWide() {
        return current == wide && wide != narrow;
    }

    /** Whether the pass under way has used a weight. */
    public boolean hasSeen(int weight) {
        return seen.get(weight);
    }

    /** A weight is used. */
    public void observe(int weight) {
        if (!seen.get(weight)) {
            seen.set(weight);
            observed[observedCount++] = weight;
        }
    }

    /** What came after the weight used last in the pass before, if every token uses it; else -1. */
    public int next() {
        boolean known =
                observedCount > 0
                        && observedCount < order.length
                        && order[observedCount - 1] == observed[observedCount - 1]
                        && map.weights().all().get(order[observedCount]).use() == Use.EVERY_TOKEN;
        return known ? order[observedCount] : -1;
    }

    /**
     * A pass has ended.
     *
     * @return whether its order was another than expected: what has been read ahead is of no use
     */
    public boolean end() {
        current.end();
        // A pass that uses less, for want of logits to compute, is no news.
        if (observedCount < learned
                || Arrays.equals(order, 0, order.length, observed, 0, observedCount)) {
            return false;
        }
        boolean wasWide = isWide();
        order = Arrays.copyOf(observed, observedCount);
        learned = observedCount;
        schedules();
        current = wasWide ? wide : narrow;
        return true;
    }

    /** A pass was given up. */
    public void abandon() {
        current.abandon();
    }
}
