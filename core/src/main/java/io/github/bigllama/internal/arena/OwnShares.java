package io.github.bigllama.internal.arena;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pieces.PieceMap;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The shares of a model that slots of each length hold. Immutable. */
public final class OwnShares {
    private static final long SLACK = 32L << 20;

    private final PieceMap map;
    private final Slots slots;

    /** By length: bytes of experts, and pieces of a layer by experts of it. */
    private final long[] experts;

    private final int[] weightsInLayer;
    private final int[] expertsInLayer;
    private final long all;

    public OwnShares(PieceMap map, Slots slots) {
        this.map = map;
        this.slots = slots;
        int count = slots.classCount();
        experts = new long[count];
        weightsInLayer = new int[count];
        expertsInLayer = new int[count];
        for (int piece = map.everyTokenCount(); piece < map.count(); piece++) {
            int k = slots.classOf(piece);
            if (k >= 0) {
                experts[k] += slots.length(k);
            }
        }
        all = Arrays.stream(experts).sum();
        Map<List<Integer>, Integer> inLayer = new HashMap<>();
        List<Weight> weights = map.weights().all();
        for (int w = 0; w < weights.size(); w++) {
            int k = weights.get(w).use() == Use.EXPERTS ? slots.classOf(map.first(w)) : -1;
            if (k >= 0) {
                int layer = weights.get(w).layer();
                weightsInLayer[k] =
                        Math.max(
                                weightsInLayer[k],
                                inLayer.merge(List.of(layer, k), 1, Integer::sum));
                expertsInLayer[k] = Math.max(expertsInLayer[k], weights.get(w).slices());
            }
        }
    }

    /** The bytes that slots of a length get of the memory for experts. */
    public long experts(int k, long bytes) {
        return all == 0 ? 0 : (long) ((double) experts[k] / all * Math.min(bytes, all + slack()));
    }

    /** Bytes that may be unused, because the last slab of each length may be nearly empty. */
    private long slack() {
        return slots.classCount() * SLACK;
    }

    /** The number of slots of a length for the experts that some tokens use in a layer. */
    public long inLayer(int k, int tokens) {
        long most = (long) tokens * map.weights().expertsUsed();
        return weightsInLayer[k] * Math.min(most, expertsInLayer[k]);
    }

    /** The number of slots of a length for all experts of a weight. */
    public long ofWeight(int k) {
        return expertsInLayer[k];
    }

    /** The number of slots of a length for weights that every token uses. */
    public long everyTokenSlots(int k, BitSet kept, long window) {
        long count = 0;
        boolean any = false;
        for (int piece = 0; piece < map.everyTokenCount(); piece++) {
            if (slots.classOf(piece) == k) {
                any = true;
                count += kept.get(piece) ? 1 : 0;
            }
        }
        return any ? count + (window + slots.length(k) - 1) / slots.length(k) : 0;
    }

    /** The bytes of these slots, in whole slabs. */
    public long everyToken(int k, BitSet kept, long window) {
        return slots.whole(k, everyTokenSlots(k, kept, window));
    }
}
