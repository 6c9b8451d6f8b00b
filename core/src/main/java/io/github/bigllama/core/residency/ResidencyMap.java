package io.github.bigllama.core.residency;

import io.github.bigllama.internal.pagecache.Cells;
import io.github.bigllama.internal.pagecache.MappedFile;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;

/**
 * Which parts of which layers of a model are in RAM at a moment: as {@link Residency#map} knows it
 * of its own model, or whichever program read them, as the system sees its page cache. Linux gives
 * the latter only for files that the user owns or may write.
 *
 * @param layers the layers in the order of use
 */
public record ResidencyMap(List<Layer> layers) {
    /**
     * One layer, or the weights before the first or after the last layer.
     *
     * @param number the layer, or {@link Weight#BEFORE_LAYERS} or {@link Weight#AFTER_LAYERS}
     * @param bytes bytes of its weights
     * @param resident bytes of them that are in RAM
     * @param cells the share in RAM, 0 to 1, of each of a number of equal parts of the layer, in
     *     the order of use
     * @param pinned of each cell, the share that stays in RAM, 0 to 1; empty where the system was
     *     asked, which does not know
     */
    public record Layer(
            int number, long bytes, long resident, List<Double> cells, List<Double> pinned) {
        public Layer {
            cells = List.copyOf(Objects.requireNonNull(cells, "cells"));
            pinned = List.copyOf(Objects.requireNonNull(pinned, "pinned"));
        }
    }

    public ResidencyMap {
        layers = List.copyOf(Objects.requireNonNull(layers, "layers"));
    }

    /**
     * Asks the system which pages are in RAM.
     *
     * @param cells number of parts to cut a layer into
     * @throws IOException if the files can't be read, or the system does not say
     */
    @SuppressWarnings("restricted")
    public static ResidencyMap of(Weights weights, int cells) throws IOException {
        Objects.requireNonNull(weights, "weights");
        Map<Integer, List<Weight>> byLayer = new TreeMap<>();
        for (Weight weight : weights.all()) {
            byLayer.computeIfAbsent(weight.layer(), n -> new ArrayList<>()).add(weight);
        }
        List<MappedFile> files = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            for (Path path : weights.files()) {
                try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
                    MemorySegment mapping =
                            channel.map(MapMode.READ_ONLY, 0, Files.size(path), arena);
                    files.add(MappedFile.of(path, mapping.address(), 0));
                }
            }
            List<Layer> layers = new ArrayList<>();
            for (Map.Entry<Integer, List<Weight>> layer : byLayer.entrySet()) {
                layers.add(look(layer.getKey(), layer.getValue(), files, cells));
            }
            return new ResidencyMap(layers);
        } finally {
            files.forEach(MappedFile::close);
        }
    }

    private static Layer look(int number, List<Weight> weights, List<MappedFile> files, int cells)
            throws IOException {
        long bytes = weights.stream().mapToLong(Weight::size).sum();
        Cells present = new Cells(bytes, cells);
        long before = 0;
        for (Weight weight : weights) {
            MappedFile file = files.get(weight.file());
            long page = file.pageSize();
            long start = weight.offset() / page * page;
            boolean[] pages = file.resident(start, weight.end() - start);
            for (int i = 0; i < pages.length; i++) {
                long from = Math.max(weight.offset(), start + i * page);
                long size = Math.min(weight.end(), start + (i + 1) * page) - from;
                if (pages[i]) {
                    present.add(before + from - weight.offset(), size);
                }
            }
            before += weight.size();
        }
        return new Layer(number, bytes, present.sum(), present.shares(), List.of());
    }

    /** Bytes of all weights. */
    public long bytes() {
        return layers.stream().mapToLong(Layer::bytes).sum();
    }

    /** Bytes of weights that are in RAM. */
    public long resident() {
        return layers.stream().mapToLong(Layer::resident).sum();
    }
}
