package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.arena.Slots;
import io.github.bigllama.internal.pieces.PieceMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Brings in the experts that a pass is routed to, and keeps those that are used most. Methods must
 * be called with the lock of the pool held.
 */
final class ExpertPaging {
    private final PieceMap map;
    private final PiecePool pool;
    private final PassMeter meter;
    private final ExpertCache cache;

    /** The slices that this pass needs and has not computed with yet. */
    private final BitSet needed = new BitSet();

    /** The slices that are read because a layer to come is likely to need them. */
    private final BitSet predicted = new BitSet();

    /** The layers whose routing is known. */
    private final BitSet routed = new BitSet();

    /** Whether it is known from a former process which experts are used most. */
    private boolean isRestored;

    /** Whether the readers have been told of these experts. */
    private boolean isPreloaded;

    ExpertPaging(PieceMap map, PiecePool pool, PassMeter meter) {
        this.map = map;
        this.pool = pool;
        this.meter = meter;
        this.cache = new ExpertCache(map);
    }

    /**
     * Begins a pass.
     *
     * @param isWide whether it reads all experts in order
     */
    void begin(int tokens, boolean isWide) {
        needed.clear();
        routed.clear();
        predicted.clear();
        pool.cancelPrefetch();
        for (int i = 0; i < tokens; i++) {
            cache.age();
        }
        if (isWide) {
            fill();
        }
        preload();
    }

    /** How often each expert was used, layer after layer, recent uses counting more. */
    float[] scores() {
        return cache.scores();
    }

    /**
     * Goes on from scores of a former process; the experts that were used most then are read before
     * they are chosen, when the readers have nothing else to do.
     */
    void restore(float[] scores) {
        cache.restore(scores);
        isRestored = true;
    }

    /**
     * A file is mapped now, in the middle of a pass: what is to stay of its experts can be read.
     */
    void attached(boolean isWide) {
        if (isWide) {
            fill();
        }
        isPreloaded = false;
        preload();
    }

    private void preload() {
        if (isRestored && !isPreloaded && cache.capacity() > 0) {
            isPreloaded = true;
            fill();
            pool.preload(favourites());
        }
    }

    /**
     * The slices that are to stay and are not in memory, those used most first; none if it is not
     * known from a former process which those are.
     */
    int[] favourites() {
        return isRestored
                ? Arrays.stream(cache.byScore())
                        .filter(piece -> pool.isAbsent(piece) && cache.contains(piece))
                        .toArray()
                : new int[0];
    }

    /** Changes how many bytes of a kind of pieces may be kept. */
    void resize(int kind, long capacity) {
        release(cache.resize(kind, capacity));
    }

    /** Gives each slot length its own capacity. */
    void divide(Slots slots) {
        cache.resize(0, 0).forEach(pool::unpin);
        cache.divide(slots.classCount(), slots::classOf, slots::length);
    }

    /**
     * Fills free room of the cache with slices that are read anyway: those used most, and where
     * nothing is known the same share of all layers.
     */
    private void fill() {
        for (int piece : cache.byScore()) {
            if (cache.hasRoom(piece)) {
                admit(piece);
            }
        }
    }

    /** Whether some experts are not in memory. */
    boolean areMissing() {
        return IntStream.range(map.everyTokenCount(), map.count()).anyMatch(pool::isAbsent);
    }

    /** Bytes of experts that are not in memory. */
    long missing() {
        long missing = 0;
        for (int piece = map.everyTokenCount(); piece < map.count(); piece++) {
            missing += pool.isAbsent(piece) ? map.length(piece) : 0;
        }
        return missing;
    }

    /** As {@link #missing}, but of the experts that a batch uses if its tokens choose by chance. */
    double missing(int tokens) {
        double missing = 0;
        for (int layer : cache.layers()) {
            double[] chances = cache.chances(layer, tokens, map.weights().expertsUsed());
            for (int weight : cache.weights(layer)) {
                for (int expert = 0; expert < chances.length; expert++) {
                    int piece = map.first(weight) + expert;
                    missing += pool.isAbsent(piece) ? chances[expert] * map.length(piece) : 0;
                }
            }
        }
        return missing;
    }

    /** The number of experts of a layer that a batch uses if its tokens choose by chance. */
    double expected(int layer, int tokens) {
        return cache.weights(layer).length == 0
                ? 0
                : Arrays.stream(cache.chances(layer, tokens, map.weights().expertsUsed())).sum();
    }

    /**
     * Counts the experts that a layer has chosen.
     *
     * @param choices those of each token
     */
    void count(int layer, int[] choices) {
        if (cache.weights(layer).length > 0) {
            for (int expert : choices) {
                cache.touch(layer, expert);
            }
        }
    }

    /** Reads the missing ones of the experts that a layer has chosen at once. */
    void route(int layer, int[] chosen) {
        int[] weights = cache.weights(layer);
        if (weights.length == 0) {
            return;
        }
        routed.set(layer);
        pool.cancelPrefetch();
        for (int expert : chosen) {
            for (int weight : weights) {
                needed.set(map.first(weight) + expert);
            }
        }
        for (int weight : weights) {
            for (int expert : chosen) {
                int piece = map.first(weight) + expert;
                meter.expert(!pool.isAbsent(piece) && !predicted.get(piece));
                admit(piece);
                pool.demand(piece);
            }
            predicted.clear(map.first(weight), map.last(weight) + 1);
        }
    }

    /**
     * Reads experts that a layer is likely to choose soon.
     *
     * @param likely the likeliest first
     */
    void predict(int layer, int[] likely) {
        for (int expert : likely) {
            for (int weight : cache.weights(layer)) {
                int piece = map.first(weight) + expert;
                if (pool.isAbsent(piece)) {
                    predicted.set(piece);
                    pool.prefetch(piece);
                }
            }
        }
    }

    /** Announces the use of a weight of experts: all of it, if its routing is unknown. */
    void use(int weight) {
        if (!routed.get(map.weights().all().get(weight).layer())) {
            needed.set(map.first(weight), map.last(weight) + 1);
        }
    }

    /** Notes that a weight has been computed with. */
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
     * The weights to wait for before one of them is computed with. The slices that a layer was
     * routed to are waited for in all its weights at once: they are small, and reading them beside
     * the computation would take cores from it.
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
            pool.pin(piece);
        }
        release(evicted);
    }

    private void release(List<Integer> evicted) {
        for (int piece : evicted) {
            pool.unpin(piece);
            pool.release(piece);
        }
    }
}
