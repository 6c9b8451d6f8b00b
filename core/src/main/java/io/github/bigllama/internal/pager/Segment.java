package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.arena.Slots;
import io.github.bigllama.internal.pager.WorkQueue.Activity;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.PlanRules;
import io.github.bigllama.internal.pieces.UseOrder;
import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The weights that llama.cpp computes with between two stops. They are brought in one after the
 * other and released together. Methods must be called with the lock of the pool held.
 */
final class Segment {
    private final PieceMap map;
    private final PiecePool pool;
    private final ExpertPaging experts;
    private final UseOrder order;
    private final PassMeter meter;
    private final List<Integer> weights = new ArrayList<>();

    /** The pieces that are partly in use. */
    private final BitSet held = new BitSet();

    /**
     * The weights with experts in slots that are used where they are mapped all the same: slots can
     * only take the place of the weight if all chosen ones are in them.
     */
    private final BitSet mapped = new BitSet();

    /** Bytes in memory for this segment that will not be kept. */
    private long passing;

    Segment(PieceMap map, PiecePool pool, ExpertPaging experts, UseOrder order, PassMeter meter) {
        this.map = map;
        this.pool = pool;
        this.experts = experts;
        this.order = order;
        this.meter = meter;
    }

    /** Begins a pass. */
    void clear() {
        weights.clear();
        held.clear();
        mapped.clear();
        passing = 0;
    }

    /**
     * Returns when a weight is in memory.
     *
     * @return bytes in memory for this segment that will not be kept
     */
    long use(int weight) throws IOException, InterruptedException {
        Weight w = map.weights().all().get(weight);
        // Weights such as the RoPE frequencies, which every layer uses: a few kilobytes.
        boolean isSmallAndShared = w.layer() == Weight.BEFORE_LAYERS && w.size() < PieceMap.CUT;
        if (isSmallAndShared && order.hasSeen(weight)) {
            hold(weight);
        } else {
            add(weight);
            passing += passing(weight);
        }
        return passing;
    }

    private void add(int weight) throws IOException, InterruptedException {
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
    }

    /** Where the chosen experts of a weight of this segment are; null if some are in no slot. */
    ExpertSlots slots(int weight, int[] choices) {
        int first = map.first(weight);
        Slots slots = pool.slots();
        if (slots == null || !slots.has(first) || choices.length == 0) {
            return null;
        }
        // The row begins at the first slot that is used: llama.cpp goes through all of it.
        int from = Integer.MAX_VALUE;
        int to = 0;
        int[] numbers = new int[choices.length];
        for (int i = 0; i < choices.length; i++) {
            int piece = first + choices[i];
            if (!pool.isInSlot(piece)) {
                mapped.set(weight);
                return null;
            }
            numbers[i] = slots.number(piece);
            from = Math.min(from, numbers[i]);
            to = Math.max(to, numbers[i]);
        }
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] -= from;
        }
        int any = first + choices[0];
        long stride = slots.length(slots.classOf(first));
        long origin = slots.address(any) - (slots.number(any) - from) * stride;
        return new ExpertSlots(origin + map.skew(first), stride, to - from + 1, numbers);
    }

    /**
     * Holds a weight that is used in parts, or again: its pieces in memory are not moved, and the
     * rest is brought in by page faults.
     */
    void hold(int weight) throws IOException, InterruptedException {
        for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
            while (!pool.hold(piece)) {
                pool.awaitChange();
            }
            held.set(piece);
        }
    }

    /** Holds the weights after the last layer, which drafts read, too. */
    void holdOutputs() throws IOException, InterruptedException {
        for (int weight = 0; weight < map.weights().all().size(); weight++) {
            if (PlanRules.isOutput(map.weights().all().get(weight))) {
                hold(weight);
            }
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
        pool.activity(Activity.WAITING);
        demand(weight, pool.isStuck());
        // A piece that was about to be dropped is available as soon as it is asked for, without a
        // change to wait for.
        while (!isHere(weight)) {
            pool.awaitChange();
            demand(weight, pool.isStuck());
        }
        pool.activity(Activity.COMPUTING);
        meter.stalled(System.nanoTime() - start);
    }

    /** Whether all pieces that a weight is computed with are in memory. */
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

    /**
     * Asks for pieces that reading in order will not bring, because it has passed them or can't
     * continue.
     */
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

    /** Bytes of a weight that are in memory and will not be kept. */
    private long passing(int weight) {
        long bytes = 0;
        for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
            if (!pool.isPinned(piece) && !pool.isAbsent(piece)) {
                bytes += map.length(piece);
            }
        }
        return bytes;
    }

    /** The part of the pass that is done, 0 to 1. */
    double progress() {
        return order.current().progress();
    }

    /** Releases the segment after its computation. */
    void release() {
        int next = order.next();
        for (int weight : weights) {
            experts.used(weight);
            if (mapped.get(weight)) {
                IntStream.rangeClosed(map.first(weight), map.last(weight))
                        .forEach(pool::dropMapped);
            }
            for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
                // The next weight may begin in the last piece of this weight.
                if (next < 0 || piece < map.first(next) || piece > map.last(next)) {
                    pool.used(piece);
                }
            }
        }
        if (!held.isEmpty()) {
            held.stream().forEach(pool::letGo);
            // Readers may have stopped at one of these pieces.
            pool.wake();
        }
        clear();
    }
}
