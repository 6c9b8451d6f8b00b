package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pieces.PieceMap;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * Brings in the experts that a pass is routed to, and keeps those that are used most. Its methods
 * are called with the lock of the pool held.
 */
final class ExpertPaging {
    private final PieceMap map;
    private final PiecePool pool;
    private final ExpertCache cache;

    /** The slices that this pass needs and has not computed with yet. */
    private final BitSet needed = new BitSet();

    /** The slices that are read because the next layer is likely to need them. */
    private final BitSet foreseen = new BitSet();

    /** The layers whose routing is known. */
    private final BitSet routed = new BitSet();

    ExpertPaging(PieceMap map, PiecePool pool) {
        this.map = map;
        this.pool = pool;
        this.cache = new ExpertCache(map);
    }

    /**
     * A pass begins.
     *
     * @param isWide whether it reads all experts in order
     */
    void begin(int tokens, boolean isWide) {
        needed.clear();
        routed.clear();
        foreseen.clear();
        pool.unhint();
        for (int i = 0; i < tokens; i++) {
            cache.age();
        }
        if (isWide) {
            fill();
        }
    }

    /** Changes how many bytes of a kind of pieces may be kept. */
    void resize(int kind, long capacity) {
        release(cache.resize(kind, capacity));
    }

    /** Each length of slots has a capacity of its own. */
    void divide(Slots slots) {
        cache.resize(0, 0).forEach(pool::unkeep);
        cache.divide(slots.classCount(), slots::classOf);
    }

    /** What is read anyway fills the cache where it has room, evenly over all layers. */
    private void fill() {
        long all = map.size(map.everyTokenCount(), map.count());
        double share = all == 0 ? 0 : (double) cache.capacity() / all;
        for (int piece = map.everyTokenCount(); piece < map.count(); piece++) {
            if (PieceMap.goldenPosition(piece) < share && cache.hasRoom(piece)) {
                admit(piece);
            }
        }
    }

    /** A layer has chosen experts: those that are missing are read at once. */
    void route(int layer, int[] chosen, PassMeter meter) {
        int[] weights = cache.weights(layer);
        if (weights.length == 0) {
            return;
        }
        routed.set(layer);
        pool.unhint();
        for (int expert : chosen) {
            cache.touch(layer, expert);
            for (int weight : weights) {
                needed.set(map.first(weight) + expert);
            }
        }
        for (int weight : weights) {
            for (int expert : chosen) {
                int piece = map.first(weight) + expert;
                meter.expert(!pool.isAbsent(piece) && !foreseen.get(piece));
                admit(piece);
                pool.demand(piece);
            }
        }
        foreseen.clear();
    }

    /** A layer is likely to choose experts soon. */
    void foresee(int layer, int[] likely) {
        for (int weight : cache.weights(layer)) {
            for (int expert : likely) {
                int piece = map.first(weight) + expert;
                if (pool.isAbsent(piece)) {
                    foreseen.set(piece);
                    pool.hint(piece);
                }
            }
        }
    }

    /** A weight of experts is about to be used: without routing, all of it. */
    void use(int weight) {
        if (!routed.get(map.weights().all().get(weight).layer())) {
            needed.set(map.first(weight), map.last(weight) + 1);
        }
    }

    /** It has been computed with. */
    void used(int weight) {
        needed.clear(map.first(weight), map.last(weight) + 1);
    }

    /** How often each expert was chosen, layer after layer. */
    int[] uses() {
        return cache.uses();
    }

    boolean isNeeded(int piece) {
        return needed.get(piece);
    }

    /**
     * The weights that are waited for before one of them is computed with. What a layer was routed
     * to is needed for all its weights at once: its slices are small, and reading them beside the
     * computation would take the cores from it.
     */
    int[] together(int weight) {
        Weight w = map.weights().all().get(weight);
        return w.use() == Use.EXPERTS && routed.get(w.layer())
                ? cache.weights(w.layer())
                : new int[] {weight};
    }

    private void admit(int piece) {
        List<Integer> evicted = new ArrayList<>();
        if (cache.admit(piece, needed, evicted)) {
            pool.keep(piece);
        }
        release(evicted);
    }

    private void release(List<Integer> evicted) {
        for (int piece : evicted) {
            pool.unkeep(piece);
            pool.release(piece);
        }
    }
}
