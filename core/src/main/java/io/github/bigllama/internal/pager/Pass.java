package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;
import java.util.Arrays;

/**
 * One pass over the model, from {@link Pager#begin} to {@link #end}: for each weight in the order
 * of use {@link #use} before it is computed with, and {@link #used} some time after. For the thread
 * that computes.
 */
// A hold is kept, not used.
@SuppressWarnings("try")
public final class Pass {
    /**
     * The most tokens of a batch whose experts may be predicted: with more, predicting takes long,
     * and most experts of a layer are chosen anyway.
     */
    public static final int MOST_PREDICTED = 32;

    private final Pager pager;
    private final int tokens;
    private final boolean isWide;
    private final PieceMap map;
    private final PiecePool pool;
    private final Planner planner;
    private final ExpertPaging experts;

    /** The weights used since the last {@link #used}. */
    private final Segment segment;

    Pass(
            Pager pager,
            int tokens,
            boolean isWide,
            PieceMap map,
            PiecePool pool,
            Planner planner,
            ExpertPaging experts,
            Segment segment) {
        this.pager = pager;
        this.tokens = tokens;
        this.isWide = isWide;
        this.map = map;
        this.pool = pool;
        this.planner = planner;
        this.experts = experts;
        this.segment = segment;
    }

    /** Number of tokens that are computed. */
    int tokens() {
        return tokens;
    }

    /** Whether all experts are read in order, whatever the routing. */
    public boolean isWide() {
        return isWide;
    }

    /**
     * Whether predictions of experts are of use: some experts have to be read, routers don't, and
     * there are at most {@link #MOST_PREDICTED} tokens.
     */
    public boolean wantsPredictions() {
        try (Hold hold = pool.hold()) {
            return !isWide
                    && tokens <= MOST_PREDICTED
                    && planner.keepsEveryToken()
                    && experts.areMissing();
        }
    }

    /**
     * Notes the experts that a layer has chosen: missing ones are read at once, unless all of them
     * are read in order.
     *
     * @param choices those of each token
     */
    public void routed(int layer, int[] choices) {
        int[] chosen = tokens == 1 ? choices : Arrays.stream(choices).distinct().toArray();
        try (Hold hold = pool.hold()) {
            if (pool.isGivenUp()) {
                return;
            }
            double expected = tokens > 1 ? experts.expected(layer, tokens) : 0;
            if (expected > 0) {
                planner.chosen(chosen.length, expected);
            }
            experts.count(layer, choices);
            if (!isWide) {
                experts.route(layer, chosen);
            }
        }
    }

    /** Notes experts that a layer is likely to choose: missing ones are read when there is time. */
    public void predicted(int layer, int[] likely) {
        try (Hold hold = pool.hold()) {
            if (!pool.isGivenUp()) {
                experts.predict(layer, likely);
            }
        }
    }

    /**
     * Returns when a weight is in memory.
     *
     * @return whether {@link #used} should be called right after the computation with it
     * @throws IOException if it can't be read
     */
    public boolean use(int weight) throws IOException, InterruptedException {
        Weight w = map.weights().all().get(weight);
        if (w.use() == Use.ROWS || !map.hasPieces(weight)) {
            return false;
        }
        try (Hold hold = pool.hold()) {
            if (pool.isGivenUp()) {
                return false;
            }
            pool.requireMapping();
            boolean isMuch = segment.use(weight) >= planner.plan().window() / 4;
            // The next weight of experts needs the same slots.
            return isMuch || isWide && w.use() == Use.EXPERTS;
        }
    }

    /**
     * Tells where the chosen experts of a weight are, after {@link #use} of it.
     *
     * @param choices those of each token
     * @return null if some are only where the file is mapped: then all have to be used there
     */
    public ExpertSlots slots(int weight, int[] choices) {
        try (Hold hold = pool.hold()) {
            return pool.isGivenUp() ? null : segment.slots(weight, choices);
        }
    }

    /**
     * Announces that rows of a weight will be looked up: until {@link #used} no part of it is
     * moved, and missing pages are brought in by page faults.
     *
     * @throws IOException if weights can no longer be read
     */
    public void lookUp(int weight) throws IOException, InterruptedException {
        if (!map.hasPieces(weight)) {
            return;
        }
        try (Hold hold = pool.hold()) {
            if (!pool.isGivenUp()) {
                pool.requireMapping();
                segment.hold(weight);
            }
        }
    }

    /** Notes that all weights that {@link #use} was called for have been computed with. */
    public void used() {
        try (Hold hold = pool.hold()) {
            segment.release();
        }
    }

    /** The part that is done, 0 to 1. */
    public double progress() {
        try (Hold hold = pool.hold()) {
            return segment.progress();
        }
    }

    /**
     * Ends the pass, so that another may begin.
     *
     * @param complete whether it came to its end
     * @return what it read and how long it waited
     */
    public PassStats end(boolean complete) {
        return pager.end(this, complete);
    }
}
