package io.github.bigllama.internal.pieces;

import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;
import java.util.Arrays;
import java.util.BitSet;
import java.util.stream.IntStream;

/**
 * The order in which passes use the weights: first guessed from names, then that of the last
 * complete pass. Not thread-safe.
 */
public final class UseOrder {
    private final PieceMap map;

    /** The weights in the order of use. */
    private int[] order;

    /** The number of weights in the order learned from a pass; 0 before the first. */
    private int learned;

    /** The weights that the current pass has used so far, each once. */
    private final int[] observed;

    private int observedCount;
    private final BitSet seen = new BitSet();

    /** The schedule of the weights that every token uses. */
    private Schedule narrow;

    /** The schedule of all weights including experts; the same for a dense model. */
    private Schedule wide;

    private Schedule current;

    public UseOrder(PieceMap map) {
        this.map = map;
        int count = map.weights().all().size();
        observed = new int[count];
        order = IntStream.range(0, count).filter(map::hasPieces).toArray();
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

    /** Begins a pass, with all experts or without; returns the schedule to read ahead by. */
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

    /** The schedule of the current pass. */
    public Schedule current() {
        return current;
    }

    /** Whether the current pass reads all experts in order. */
    public boolean isWide() {
        return current == wide && wide != narrow;
    }

    /** Whether the current pass has used a weight. */
    public boolean hasSeen(int weight) {
        return seen.get(weight);
    }

    /** Notes the use of a weight. */
    public void observe(int weight) {
        if (!seen.get(weight)) {
            seen.set(weight);
            observed[observedCount++] = weight;
        }
    }

    /**
     * The weight that followed the last used one in the previous pass, if every token uses it; else
     * -1.
     */
    public int next() {
        boolean known =
                observedCount > 0
                        && observedCount < order.length
                        && order[observedCount - 1] == observed[observedCount - 1]
                        && map.weights().all().get(order[observedCount]).use() == Use.EVERY_TOKEN;
        return known ? order[observedCount] : -1;
    }

    /**
     * Ends a pass.
     *
     * @return whether its order was unexpected, so that pieces were read ahead in vain
     */
    public boolean end() {
        current.end();
        // A pass that uses fewer weights, because it computes no logits, does not change the order.
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

    /** Gives up a pass. */
    public void abandon() {
        current.abandon();
    }
}
