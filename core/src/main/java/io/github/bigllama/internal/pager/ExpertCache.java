package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pieces.PieceMap;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntToLongFunction;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Decides which slices of experts stay: those of the experts that are used most often, with recent
 * uses counting more. A new slice displaces another only if its expert is used more often, so that
 * neither a scan nor a burst of rare experts empties the cache (the admission rule of TinyLFU).
 * Knows pieces and scores, not whether pieces have arrived. Not thread-safe.
 */
final class ExpertCache {
    /** Number of tokens after which a use counts half. */
    private static final double HALF_LIFE = 256;

    private static final double GROWTH = Math.pow(2, 1 / HALF_LIFE);
    private static final double LARGEST_USE = 1e200;

    /**
     * The number of tokens whose choices outweigh the guess that all experts are equally likely.
     */
    private static final double GUESS = 8;

    private final PieceMap map;

    /** By layer: its weights with experts, in the order of use. */
    private final Map<Integer, int[]> layers = new TreeMap<>();

    /** By piece, from the first piece of an expert on: the expert of its layer. */
    private final int[] unit;

    /** By expert of a layer: how often it was used. */
    private final double[] score;

    /** By expert of a layer: how often it was used, ever. */
    private final int[] uses;

    /** How much a use counts now: this grows, instead of all scores shrinking. */
    private double use = 1;

    private final BitSet cached = new BitSet();

    /** By piece, from the first piece of an expert on: its kind. Kinds do not displace others. */
    private final int[] kind;

    /** By piece: the bytes that it takes. */
    private final long[] size;

    private final List<Kind> kinds = new ArrayList<>();

    /** A cached piece, and the score that it had some time ago. */
    private record Scored(int piece, double score) {
        private static final Comparator<Scored> ORDER =
                Comparator.comparingDouble(Scored::score).thenComparingInt(Scored::piece);
    }

    /** Pieces that share a capacity. */
    private final class Kind {
        /**
         * The cached pieces. Scores only grow: those of the first are brought up to date when it
         * matters which is the first, instead of at each use.
         */
        private final PriorityQueue<Scored> queue = new PriorityQueue<>(Scored.ORDER);

        private long size;
        private long capacity;

        void add(int piece) {
            queue.add(new Scored(piece, score(piece)));
        }

        /** Takes the least used piece; null if there is none. */
        Scored poll() {
            Scored least = queue.poll();
            while (least != null && least.score < score(least.piece)) {
                add(least.piece);
                least = queue.poll();
            }
            return least;
        }

        /** Sorts again, after scores have become smaller. */
        void rescale() {
            List<Scored> all = List.copyOf(queue);
            queue.clear();
            all.forEach(scored -> add(scored.piece));
        }
    }

    ExpertCache(PieceMap map) {
        this.map = map;
        unit = new int[map.count() - map.everyTokenCount()];
        int units = 0;
        List<Weight> all = map.weights().all();
        Map<Integer, Integer> firstUnit = new TreeMap<>();
        for (int weight = 0; weight < all.size(); weight++) {
            Weight w = all.get(weight);
            if (w.use() != Use.EXPERTS) {
                continue;
            }
            int[] before = layers.getOrDefault(w.layer(), new int[0]);
            int[] with = Arrays.copyOf(before, before.length + 1);
            with[before.length] = weight;
            layers.put(w.layer(), with);
            if (!firstUnit.containsKey(w.layer())) {
                firstUnit.put(w.layer(), units);
                units += w.slices();
            }
            for (int slice = 0; slice < w.slices(); slice++) {
                unit[map.first(weight) + slice - map.everyTokenCount()] =
                        firstUnit.get(w.layer()) + slice;
            }
        }
        score = new double[units];
        uses = new int[units];
        kind = new int[unit.length];
        size = new long[unit.length];
        Arrays.setAll(size, i -> map.length(i + map.everyTokenCount()));
        kinds.add(new Kind());
    }

    /**
     * Divides the pieces into kinds, while nothing is cached; before, all are of kind 0.
     *
     * @param kindOf by piece: its kind; -1 for 0
     * @param sizeOf by kind: the bytes that each of its pieces takes
     */
    void divide(int count, IntUnaryOperator kindOf, IntToLongFunction sizeOf) {
        kinds.clear();
        for (int i = 0; i < Math.max(1, count); i++) {
            kinds.add(new Kind());
        }
        for (int i = 0; i < kind.length; i++) {
            int k = kindOf.applyAsInt(i + map.everyTokenCount());
            kind[i] = Math.max(0, k);
            size[i] = k < 0 ? map.length(i + map.everyTokenCount()) : sizeOf.applyAsLong(k);
        }
    }

    private long size(int piece) {
        return size[piece - map.everyTokenCount()];
    }

    private Kind kind(int piece) {
        return kinds.get(kind[piece - map.everyTokenCount()]);
    }

    /** The weights of a layer that have experts, in the order of use. */
    int[] weights(int layer) {
        return layers.getOrDefault(layer, new int[0]);
    }

    /** The layers that have experts. */
    Set<Integer> layers() {
        return layers.keySet();
    }

    /**
     * By expert of a layer: the probability that a batch uses it, if its tokens choose as those
     * before, and independently.
     *
     * @param used number of experts that a token uses
     */
    double[] chances(int layer, int tokens, int used) {
        int weight = weights(layer)[0];
        int first = unit[map.first(weight) - map.everyTokenCount()];
        int experts = map.weights().all().get(weight).slices();
        double sum = 0;
        for (int expert = 0; expert < experts; expert++) {
            sum += score[first + expert] / use;
        }
        double seen = sum / used;
        double[] chances = new double[experts];
        for (int expert = 0; expert < experts; expert++) {
            double uses = score[first + expert] / use + GUESS * used / experts;
            chances[expert] = 1 - Math.pow(1 - Math.min(1, uses / (seen + GUESS)), tokens);
        }
        return chances;
    }

    /** Begins a token: earlier uses count a little less. */
    void age() {
        use *= GROWTH;
        if (use > LARGEST_USE) {
            rescale();
        }
    }

    /** Divides all scores by the same number, which keeps their order. */
    private void rescale() {
        for (int i = 0; i < score.length; i++) {
            score[i] /= use;
        }
        use = 1;
        kinds.forEach(Kind::rescale);
    }

    /** Counts a use of an expert of a layer. */
    void touch(int layer, int expert) {
        int used = unit[map.first(weights(layer)[0]) + expert - map.everyTokenCount()];
        score[used] += use;
        uses[used]++;
    }

    /** How often each expert was used, layer after layer. */
    int[] uses() {
        return uses.clone();
    }

    /** How often each expert was used, layer after layer, recent uses counting more. */
    float[] scores() {
        float[] scores = new float[score.length];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = (float) (score[i] / use);
        }
        return scores;
    }

    /** Goes on from what {@link #scores} said, while nothing is cached. */
    void restore(float[] scores) {
        for (int i = 0; i < scores.length; i++) {
            score[i] = scores[i] * use;
        }
    }

    /**
     * All pieces of experts, those used most first; of those used alike, evenly over the layers.
     */
    int[] byScore() {
        return IntStream.range(map.everyTokenCount(), map.count())
                .boxed()
                .sorted(
                        Comparator.<Integer>comparingDouble(piece -> -score(piece))
                                .thenComparingDouble(PieceMap::goldenPosition))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    boolean contains(int piece) {
        return cached.get(piece);
    }

    /**
     * Admits a piece, if there is room or others are used less, which are evicted then.
     *
     * @param busy pieces that can't be evicted now
     * @param evicted receives the pieces that are evicted
     * @return whether the piece was admitted
     */
    boolean admit(int piece, BitSet busy, List<Integer> evicted) {
        if (cached.get(piece)) {
            return true;
        }
        Kind k = kind(piece);
        long needed = k.size + size(piece) - k.capacity;
        List<Scored> kept = new ArrayList<>();
        List<Scored> victims = new ArrayList<>();
        while (needed > 0) {
            Scored least = k.poll();
            if (least == null) {
                break;
            }
            if (least.score >= score(piece)) {
                kept.add(least);
                break;
            }
            if (busy.get(least.piece)) {
                kept.add(least);
            } else {
                victims.add(least);
                needed -= size(least.piece);
            }
        }
        k.queue.addAll(kept);
        if (needed > 0) {
            k.queue.addAll(victims);
            return false;
        }
        for (Scored victim : victims) {
            removed(victim.piece);
            evicted.add(victim.piece);
        }
        cached.set(piece);
        k.add(piece);
        k.size += size(piece);
        return true;
    }

    /** Changes the capacity for kind 0, and evicts the least used pieces. */
    List<Integer> resize(long newCapacity) {
        return resize(0, newCapacity);
    }

    /** Changes the capacity for a kind, and evicts the least used pieces. */
    List<Integer> resize(int number, long newCapacity) {
        Kind k = kinds.get(number);
        k.capacity = newCapacity;
        List<Integer> evicted = new ArrayList<>();
        while (k.size > k.capacity) {
            int least = k.poll().piece;
            removed(least);
            evicted.add(least);
        }
        return evicted;
    }

    /** Whether a piece can be admitted without displacing another. */
    boolean hasRoom(int piece) {
        return kind(piece).size + size(piece) <= kind(piece).capacity;
    }

    /** Capacity of the cache, in bytes. */
    long capacity() {
        return kinds.stream().mapToLong(k -> k.capacity).sum();
    }

    /** Size of the cached pieces, in bytes. */
    long size() {
        return kinds.stream().mapToLong(k -> k.size).sum();
    }

    private void removed(int piece) {
        cached.clear(piece);
        kind(piece).size -= size(piece);
    }

    private double score(int piece) {
        return score[unit[piece - map.everyTokenCount()]];
    }
}
