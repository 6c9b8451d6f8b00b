package io.github.bigllama.internal.pieces;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.LongStream;

/** The rules for making a {@link ResidencyPlan}: what is kept, and how large the window is. */
public final class PlanRules {
    /** The smallest window that can keep several readers busy. */
    public static final long LEAST_WINDOW = 8 * PieceMap.CUT;

    /**
     * Memory that the kernel needs per byte in small pages: per page of 4096 bytes, 8 for the page
     * table and 9 for the index of the page cache.
     */
    public static final double SMALL_PAGES = 17.0 / 4096;

    /** The largest useful window: some tenths of a second of reading. */
    public static final long LARGEST_WINDOW = 512L << 20;

    private PlanRules() {}

    /**
     * The initial plan for a model and an amount of RAM.
     *
     * @param ram bytes of RAM for weights
     * @throws InsufficientRamException if that is too little; the message says how much is needed
     */
    public static ResidencyPlan plan(Weights weights, long ram) {
        PieceMap map = new PieceMap(weights);
        return plan(map, ram, workingWindow(map, ram), new BitSet());
    }

    /**
     * The usual window, which costs little of the RAM for kept weights: a thirty-second of the
     * bytes that a pass over the weights that every token uses has to read.
     */
    public static long usualWindow(PieceMap map, long ram) {
        long streamed = map.size(0, map.everyTokenCount()) - ram;
        long least = leastWindow(map);
        return Math.clamp(streamed / 32, least, Math.max(least, LARGEST_WINDOW));
    }

    /**
     * The smallest window: in a model with experts, those that a token uses in a layer pass through
     * together.
     */
    public static long leastWindow(PieceMap map) {
        return Math.max(LEAST_WINDOW, layerBytes(map, 1));
    }

    /** The most bytes of experts that tokens use in one layer. */
    public static long layerBytes(PieceMap map, int tokens) {
        Weights weights = map.weights();
        Map<Integer, Long> layers = new HashMap<>();
        for (Weight weight : weights.all()) {
            if (weight.use() == Use.EXPERTS) {
                long most = (long) tokens * weights.expertsUsed();
                long used = Math.min(most, weight.slices()) * weight.sliceSize();
                layers.merge(weight.layer(), used, Long::sum);
            }
        }
        return layers.values().stream().mapToLong(Long::longValue).max().orElse(0);
    }

    /** The least bytes of RAM for weights with which a model can be read and used. */
    public static long leastRam(Weights weights) {
        return leastRam(new PieceMap(weights));
    }

    /** The least RAM for weights for which there is a window that works. */
    public static long leastRam(PieceMap map) {
        return LongStream.of(windows(map)).map(window -> must(map, window)).min().orElseThrow();
    }

    /** The usual window, or a smaller one that works if RAM is too short for it. */
    public static long workingWindow(PieceMap map, long ram) {
        long usual = usualWindow(map, ram);
        return must(map, usual) <= ram
                ? usual
                : LongStream.of(windows(map))
                        .filter(window -> must(map, window) <= ram)
                        .findFirst()
                        .orElse(usual);
    }

    /** Windows to try: with smaller ones more of the large weights has to be kept. */
    private static long[] windows(PieceMap map) {
        long least = leastWindow(map);
        return LongStream.iterate(least, window -> window <= least + LARGEST_WINDOW, w -> w + w / 4)
                .toArray();
    }

    /** Bytes of RAM that a window needs: for itself, and for weights that can't pass through it. */
    public static long must(PieceMap map, long window) {
        return must(map, window, false);
    }

    /**
     * Bytes of RAM that a window needs: for itself, and for weights that can't pass through it.
     *
     * @param drafting see {@link #plan(PieceMap, long, long, boolean, BitSet)}
     */
    public static long must(PieceMap map, long window, boolean drafting) {
        BitSet keep = new BitSet();
        return window
                + expertWindow(map)
                + map.sharedPages()
                + draftSize(map, drafting)
                + keepOutputs(map, drafting, keep)
                + keepLargest(map, window, keep);
    }

    /**
     * Makes a plan.
     *
     * @param ram bytes of RAM for weights
     * @param window bytes of it for weights that pass through
     * @param keep receives the pieces to keep
     * @throws InsufficientRamException if that is too little; the message says how much is needed
     */
    public static ResidencyPlan plan(PieceMap map, long ram, long window, BitSet keep) {
        return plan(map, ram, window, false, keep);
    }

    /**
     * Makes a plan.
     *
     * @param ram bytes of RAM for weights
     * @param window bytes of it for weights that pass through
     * @param drafting whether the model drafts for itself: then what drafts read stays in RAM,
     *     which is the layers that predict further tokens, and the outputs
     * @param keep receives the pieces to keep
     * @throws InsufficientRamException if that is too little; the message says how much is needed
     */
    public static ResidencyPlan plan(
            PieceMap map, long ram, long window, boolean drafting, BitSet keep) {
        keep.clear();
        long all = map.size(0, map.everyTokenCount());
        long room = ram - window - expertWindow(map) - map.sharedPages() - draftSize(map, drafting);
        long kept = 0;
        if (all <= room) {
            keep.set(0, map.everyTokenCount());
            kept = all;
        } else {
            kept = keepOutputs(map, drafting, keep);
            kept += keepLargest(map, window, keep);
            if (kept > room) {
                long more = must(map, window, drafting) - must(map, window);
                throw new InsufficientRamException(ram, leastRam(map) + more);
            }
            kept += keepSeams(map, room - kept, keep);
            kept += keepEvenly(map, room - kept, keep);
        }
        Weights weights = map.weights();
        long experts = weights.size(Use.EXPERTS);
        long cache =
                Math.min(
                        (long) ((room - kept) / (1 + SMALL_PAGES)),
                        map.size(map.everyTokenCount(), map.count()));
        double misses = experts == 0 ? 0 : 1 - (double) Math.min(cache, experts) / experts;
        long everyToken = weights.size(Use.EVERY_TOKEN);
        long streamed =
                Math.max(0, all - kept) + (long) (misses * (weights.activeSize() - everyToken));
        return new ResidencyPlan(
                weights.loadedSize(),
                weights.activeSize(),
                ram,
                window,
                kept,
                experts == 0 ? 0 : cache,
                streamed);
    }

    /**
     * Bytes for experts that pass through, in addition to the window: a prompt uses most experts of
     * a layer, and a tensor of experts has to be complete while the next one is read.
     */
    public static long expertWindow(PieceMap map) {
        return map.weights().all().stream()
                .filter(w -> w.use() == Use.EXPERTS)
                .mapToLong(w -> w.size() + w.size() / 4)
                .max()
                .orElse(0);
    }

    /** Bytes of the layers that predict further tokens, if they draft. */
    private static long draftSize(PieceMap map, boolean drafting) {
        return drafting ? map.weights().size(Use.DRAFTS) : 0;
    }

    /** Keeps the weights after the last layer if the model drafts for itself. */
    private static long keepOutputs(PieceMap map, boolean drafting, BitSet keep) {
        if (!drafting) {
            return 0;
        }
        for (int weight = 0; weight < map.weights().all().size(); weight++) {
            if (isOutput(map.weights().all().get(weight))) {
                keep.set(map.first(weight), map.last(weight) + 1);
            }
        }
        return keep.stream().mapToLong(map::length).sum();
    }

    /** Whether a weight is one that drafts read, too. */
    public static boolean isOutput(Weight weight) {
        return weight.layer() == Weight.AFTER_LAYERS && weight.use() == Use.EVERY_TOKEN;
    }

    /** Keeps enough of each large weight that the rest fits into half the window. */
    private static long keepLargest(PieceMap map, long window, BitSet keep) {
        int passing = (int) (window / 2 / PieceMap.CUT);
        int[] tooMany = new int[map.everyTokenCount()];
        for (int weight = 0; weight < map.weights().all().size(); weight++) {
            int count = map.last(weight) - map.first(weight) + 1;
            if (map.weights().all().get(weight).use() == Use.EVERY_TOKEN && count > passing) {
                // A piece that two weights share counts for one of them; half the window leaves
                // room for that.
                for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
                    tooMany[piece] = weight + 1;
                }
            }
        }
        int[] left = new int[map.weights().all().size() + 1];
        for (int weight : tooMany) {
            left[weight]++;
        }
        long kept = 0;
        for (int piece : map.spreadEvenly()) {
            int weight = tooMany[piece];
            if (weight > 0 && left[weight] > passing && !keep.get(piece)) {
                keep.set(piece);
                kept += map.length(piece);
                left[weight]--;
            }
        }
        return kept;
    }

    /**
     * Keeps pieces where weights meet: they also hold the small weights, and would be read for
     * each.
     */
    private static long keepSeams(PieceMap map, long room, BitSet keep) {
        BitSet seams = new BitSet();
        for (int weight = 0; weight < map.weights().all().size(); weight++) {
            if (map.weights().all().get(weight).use() == Use.EVERY_TOKEN
                    && map.last(weight) >= map.first(weight)) {
                seams.set(map.first(weight));
                seams.set(map.last(weight));
            }
        }
        long kept = 0;
        for (int piece : map.spreadEvenly()) {
            if (seams.get(piece) && !keep.get(piece) && kept + map.length(piece) <= room) {
                keep.set(piece);
                kept += map.length(piece);
            }
        }
        return kept;
    }

    /** Keeps an even share of all other pieces. */
    private static long keepEvenly(PieceMap map, long room, BitSet keep) {
        long kept = 0;
        for (int piece : map.spreadEvenly()) {
            if (kept + map.length(piece) > room) {
                break;
            }
            if (!keep.get(piece)) {
                keep.set(piece);
                kept += map.length(piece);
            }
        }
        return kept;
    }
}
