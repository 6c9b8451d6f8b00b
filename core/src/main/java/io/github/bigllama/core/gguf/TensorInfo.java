package io.github.bigllama.core.gguf;

import java.util.List;

/**
 * One row of a file's tensor table.
 *
 * @param name the name, for example {@code blk.0.attn_q.weight}
 * @param type the type of the elements
 * @param shape the dimensions as they are in the file (ggml's {@code ne}), at most four, the
 *     contiguous one (the row) first: a matrix of 256 rows of 1024 elements is {@code [1024, 256]}
 * @param offset where the data starts, in bytes from the start of the data section
 * @param size the size of the data in bytes, without the padding after it
 */
public record TensorInfo(String name, GgmlType type, List<Long> shape, long offset, long size) {

    /** The most dimensions that a tensor can have (GGML_MAX_DIMS). */
    public static final int MAX_DIMENSIONS = 4;

    public TensorInfo {
        shape = List.copyOf(shape);
    }

    /**
     * The size of a dimension, as in ggml's {@code ne}; 1 for dimensions that the file does not
     * list.
     *
     * @param dimension 0 to 3
     */
    public long ne(int dimension) {
        if (dimension < 0 || dimension >= MAX_DIMENSIONS) {
            throw new IndexOutOfBoundsException("A tensor has dimensions 0 to 3, not " + dimension);
        }
        return dimension < shape.size() ? shape.get(dimension) : 1;
    }

    /** The number of elements. */
    public long elements() {
        return shape.stream().mapToLong(Long::longValue).reduce(1, Math::multiplyExact);
    }
}
