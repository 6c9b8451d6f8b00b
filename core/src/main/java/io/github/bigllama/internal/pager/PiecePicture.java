package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.internal.pagecache.Cells;
import io.github.bigllama.internal.pieces.PieceMap;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Draws where pieces are: pinned, in memory for now, or only on disk. */
final class PiecePicture {
    private final PieceMap map;
    private final PiecePool pool;

    /** A picture of a pool that is held. */
    PiecePicture(PieceMap map, PiecePool pool) {
        this.map = map;
        this.pool = pool;
    }

    /** The map of this moment, with each layer cut into a number of cells. */
    ResidencyMap draw(int cells) {
        Map<Integer, List<Integer>> byLayer = new TreeMap<>();
        List<Weight> weights = map.weights().all();
        for (int i = 0; i < weights.size(); i++) {
            byLayer.computeIfAbsent(weights.get(i).layer(), n -> new ArrayList<>()).add(i);
        }
        List<ResidencyMap.Layer> layers = new ArrayList<>();
        byLayer.forEach((number, ofLayer) -> layers.add(layer(number, ofLayer, cells)));
        return new ResidencyMap(layers);
    }

    private ResidencyMap.Layer layer(int number, List<Integer> weights, int cells) {
        long bytes = weights.stream().mapToLong(i -> map.weights().all().get(i).size()).sum();
        Cells resident = new Cells(bytes, cells);
        Cells pinned = new Cells(bytes, cells);
        long before = 0;
        for (int i : weights) {
            Weight weight = map.weights().all().get(i);
            for (int piece = map.first(i); piece <= map.last(i); piece++) {
                long from = Math.max(weight.offset(), map.offset(piece));
                long size = Math.min(weight.end(), map.offset(piece) + map.length(piece)) - from;
                if (size > 0 && bytes > 0 && pool.isInMemory(piece)) {
                    long position = before + from - weight.offset();
                    resident.add(position, size);
                    if (pool.isPinned(piece)) {
                        pinned.add(position, size);
                    }
                }
            }
            before += weight.size();
        }
        return new ResidencyMap.Layer(
                number, bytes, resident.sum(), resident.shares(), pinned.shares());
    }
}
