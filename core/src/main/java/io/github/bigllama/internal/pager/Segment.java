package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.UseOrder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The weights that are computed with together: what llama.cpp computes between two stops. They come
 * in one after the other and go at once. Its methods are called with the lock of the pool held.
 */
final class Segment {
    private final PieceMap map;
    private final PiecePool pool;
    private final ExpertPaging experts;
    private final UseOrder order;
    private final PassMeter meter;
    private final List<Integer> weights = new ArrayList<>();

    /** The pieces that are computed with in places. */
    private final BitSet held = new BitSet();

    /** Bytes that are in memory for it and will not stay. */
    private long passing;

    Segment(PieceMap map, PiecePool pool, ExpertPaging experts, UseOrder order, PassMeter meter) {
        this.map = map;
        this.pool = pool;
        this.experts = experts;
        this.order = order;
        this.meter = meter;
    }

    /** A pass begins. */
    void clear() {
        weights.clear();
        held.clear();
        passing = 0;
    }

    /**
     * Returns when a weight is in memory.
     *
     * @return bytes that are in memory for this and will not stay
     */
    long add(int weight) throws IOException, InterruptedException {
        order.observe(weight);
        order.current().reach(weight);
        pool.wake();
        if (isOfExperts(weight)) {
            experts.use(weight);
        }
        weights.add(weight);
        await(weight);
        for (int each : experts.together(weight)) {
            for (int piece = map.first(each); piece <= map.last(each); piece++) {
                if (isNeeded(each, piece)) {
                    pool.busy(piece);
                }
            }
        }
        passing += passing(weight);
        return passing;
    }

    /**
     * A weight is computed with in places, or again: of what is here of it nothing moves, and the
     * rest comes by page faults.
     */
    void hold(int weight) throws IOException, InterruptedException {
        for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
            while (!pool.hold(piece)) {
                pool.awaitChange();
            }
            held.set(piece);
        }
    }

    private boolean isOfExperts(int weight) {
        return map.weights().all().get(weight).use() == Use.EXPERTS;
    }

    private void await(int weight) throws IOException, InterruptedException {
        if (isHere(weight)) {
            return;
        }
        long start = System.nanoTime();
        pool.computing(false);
        demand(weight, pool.isStuck());
        // What was about to be dropped is here as soon as it is asked for, and nothing changes
        // then.
        while (!isHere(weight)) {
            pool.awaitChange();
            demand(weight, pool.isStuck());
        }
        pool.computing(true);
        meter.stalled(System.nanoTime() - start);
    }

    /** Whether everything that a weight is computed with is in memory. */
    private boolean isHere(int weight) {
        for (int each : experts.together(weight)) {
            for (int piece = map.first(each); piece <= map.last(each); piece++) {
                if (isNeeded(each, piece) && !pool.isPresent(piece)) {
                    return false;
                }
            }
        }
        return true;
    }

    /** Asks for what reading in order will not bring: it has passed it, or can't go on. */
    private void demand(int weight, boolean everything) {
        for (int each : experts.together(weight)) {
            for (int piece = map.first(each); piece <= map.last(each); piece++) {
                boolean comes = order.current().isAhead(each, piece - map.first(each));
                if (isNeeded(each, piece) && (everything || !comes)) {
                    pool.demand(piece);
                }
            }
        }
    }

    private boolean isNeeded(int weight, int piece) {
        return !isOfExperts(weight) || experts.isNeeded(piece);
    }

    /** Bytes of a weight that are in memory and will not stay. */
    private long passing(int weight) {
        long bytes = 0;
        for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
            if (!pool.isKept(piece) && !pool.isAbsent(piece)) {
                bytes += map.length(piece);
            }
        }
        return bytes;
    }

    /** All of it has been computed with. */
    void release() {
        int next = order.next();
        for (int weight : weights) {
            experts.used(weight);
            for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
                // The next weight may begin in the last piece of this one.
                if (next < 0 || piece < map.first(next) || piece > map.last(next)) {
                    pool.used(piece);
                }
            }
        }
        if (!held.isEmpty()) {
            held.stream().forEach(pool::letGo);
            // Readers may have stopped in front of one.
            pool.wake();
        }
        clear();
    }
}
