package io.github.bigllama.internal.media;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The embeddings of a {@link MediaPiece}, and their positions. Closed by who asked for them. */
public final class Embeddings implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final MediaPiece piece;
    private final int dimensions;
    private final long rowSize;
    private final MemorySegment rows;
    private final MemorySegment positions;

    /**
     * Makes room for the embeddings of a piece.
     *
     * @param length number of floats of one
     * @param dimensions number of positions of one
     */
    Embeddings(MediaPiece piece, int length, int dimensions) {
        this.piece = piece;
        this.dimensions = dimensions;
        rowSize = (long) length * Float.BYTES;
        rows = arena.allocate(piece.cells() * rowSize, Float.BYTES);
        positions = arena.allocate(ValueLayout.JAVA_INT, (long) dimensions * piece.cells());
    }

    public MediaPiece piece() {
        return piece;
    }

    /** All of them, one after the other. */
    MemorySegment rows() {
        return rows;
    }

    /** The positions of all of them, one dimension after the other. */
    MemorySegment positions() {
        return positions;
    }

    /** Some of them. */
    public MemorySegment rows(int from, int count) {
        return rows.asSlice(from * rowSize, count * rowSize);
    }

    /** The positions of some of them. */
    public MemorySegment positions(int from, int count) {
        long size = (long) count * Integer.BYTES;
        MemorySegment part = arena.allocate(dimensions * size, Integer.BYTES);
        for (int i = 0; i < dimensions; i++) {
            long begin = ((long) i * piece.cells() + from) * Integer.BYTES;
            part.asSlice(i * size, size).copyFrom(positions.asSlice(begin, size));
        }
        return part;
    }

    @Override
    public void close() {
        arena.close();
    }
}
