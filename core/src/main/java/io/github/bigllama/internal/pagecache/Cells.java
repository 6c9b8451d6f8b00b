package io.github.bigllama.internal.pagecache;

import java.util.Arrays;
import java.util.List;

/** Bytes that are cut into a number of equal cells, and how many of each are in memory. */
public final class Cells {
    private final long bytes;
    private final long[] cells;

    public Cells(long bytes, int count) {
        this.bytes = bytes;
        this.cells = new long[count];
    }

    /** Adds bytes that are in memory, each to the cell that it is in. */
    public void add(long position, long size) {
        long at = position;
        while (at < position + size) {
            int cell = (int) Math.min(cells.length - 1, at * cells.length / bytes);
            long next = ((cell + 1) * bytes + cells.length - 1) / cells.length;
            long until = Math.max(at + 1, Math.min(position + size, next));
            cells[cell] += until - at;
            at = until;
        }
    }

    /** Bytes in memory. */
    public long sum() {
        return Arrays.stream(cells).sum();
    }

    /** The share of each cell that is in memory, 0 to 1. */
    public List<Double> shares() {
        return Arrays.stream(cells)
                .mapToObj(
                        cell -> bytes == 0 ? 0 : Math.min(1, (double) cell * cells.length / bytes))
                .toList();
    }
}
