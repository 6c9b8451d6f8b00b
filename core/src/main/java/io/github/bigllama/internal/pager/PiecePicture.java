package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.internal.pieces.PieceMap;
import java.util.ArrayList;
import java.util.Arrays;
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
        long[] resident = new long[cells];
        long[] pinned = new long[cells];
        long before = 0;
        for (int i : weights) {
            Weight weight = map.weights().all().get(i);
            for (int piece = map.first(i); piece <= map.last(i); piece++) {
                long from = Math.max(weight.offset(), map.offset(piece));
                long size = Math.min(weight.end(), map.offset(piece) + map.length(piece)) - from;
                if (size > 0 && bytes > 0 && pool.isInMemory(piece)) {
                    long position = before + from - weight.offset();
                    add(resident, position, size, bytes);
                    if (pool.isPinned(piece)) {
                        add(pinned, position, size, bytes);
                    }
                }
            }
            before += weight.size();
        }
        return new ResidencyMap.Layer(
                number,
                bytes,
                Arrays.stream(resident).sum(),
                shares(resident, bytes),
                shares(pinned, bytes));
    }

    /** Divides the bytes of a piece among the cells that it is in. */
    private static void add(long[] cells, long position, long size, long bytes) {
        long at = position;
        while (at < position + size) {
            int cell = (int) Math.min(cells.length - 1, at * cells.length / bytes);
            long end =
                    Math.min(
                            position + size,
                            ((cell + 1) * bytes + cells.length - 1) / cells.length);
            long until = Math.max(at + 1, end);
            cells[cell] += until - at;
            at = until;
        }
    }

    private static List<Double> shares(long[] cells, long bytes) {
        return Arrays.stream(cells)
                .mapToObj(
                        cell -> bytes == 0 ? 0 : Math.min(1, (double) cell * cells.length / bytes))
                .toList();
    }
}
