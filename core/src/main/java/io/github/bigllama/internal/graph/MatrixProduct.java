package io.github.bigllama.internal.graph;

import io.github.bigllama.bindings.llama.ggml_init_params;
import io.github.bigllama.bindings.llama.ggml_tensor;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.internal.llama.CpuBackend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Multiplies copies of matrices of one shape with vectors of 32-bit floats, several at a time: ggml
 * does it, on the calling thread. Copies have eight bits per value, which are read in a quarter of
 * the time that the floats of the matrix would take. Lives as long as its arena. Not thread-safe.
 */
@SuppressWarnings("restricted")
final class MatrixProduct {
    private final int columns;
    private final int rows;
    private final GgmlType type;
    private final Arena arena;
    private final MemorySegment backend;
    private final MemorySegment graph;
    private final MemorySegment matrix;
    private final MemorySegment input;
    private final MemorySegment product;
    private final MemorySegment vectors;
    private final MemorySegment results;

    /**
     * Makes room for vectors and results.
     *
     * @param most the most vectors at a time
     */
    MatrixProduct(int columns, int rows, int most, Arena arena) {
        this.columns = columns;
        this.rows = rows;
        this.arena = arena;
        type = columns % GgmlType.Q8_0.blockSize() == 0 ? GgmlType.Q8_0 : GgmlType.F32;
        backend = CpuBackend.create(arena);
        CpuBackend.threads(backend, 1);
        MemorySegment context = context(arena);
        matrix = llama_h.ggml_new_tensor_2d(context, type.id(), columns, rows);
        input = llama_h.ggml_new_tensor_2d(context, llama_h.GGML_TYPE_F32(), columns, most);
        vectors = arena.allocate(ValueLayout.JAVA_FLOAT, (long) most * columns);
        ggml_tensor.data(input, vectors);
        product = llama_h.ggml_mul_mat(context, matrix, input);
        results = arena.allocate(ValueLayout.JAVA_FLOAT, (long) most * rows);
        ggml_tensor.data(product, results);
        graph = llama_h.ggml_new_graph(context);
        llama_h.ggml_build_forward_expand(graph, product);
    }

    /** Holds the headers of three tensors, and a graph. */
    private static MemorySegment context(Arena arena) {
        long size = 3 * llama_h.ggml_tensor_overhead() + llama_h.ggml_graph_overhead();
        MemorySegment params = ggml_init_params.allocate(arena);
        ggml_init_params.mem_size(params, size);
        ggml_init_params.no_alloc(params, true);
        MemorySegment context = llama_h.ggml_init(params);
        if (context.equals(MemorySegment.NULL)) {
            throw new OutOfMemoryError("cannot allocate " + size + " bytes");
        }
        return context.reinterpret(arena, llama_h::ggml_free);
    }

    boolean isFor(int ofColumns, int ofRows) {
        return columns == ofColumns && rows == ofRows;
    }

    /**
     * Copies a matrix.
     *
     * @param address the address of its floats, row after row
     */
    MemorySegment copy(long address) {
        MemorySegment copy = arena.allocate(llama_h.ggml_nbytes(matrix), 64);
        MemorySegment floats =
                MemorySegment.ofAddress(address).reinterpret((long) rows * columns * Float.BYTES);
        llama_h.ggml_quantize_chunk(type.id(), floats, copy, 0, rows, columns, MemorySegment.NULL);
        return copy;
    }

    /**
     * The products of a copy and vectors, one after the other.
     *
     * @param x the vectors, one after the other
     */
    float[] of(MemorySegment copy, float[] x) {
        int count = x.length / columns;
        ggml_tensor.data(matrix, copy);
        MemorySegment.copy(x, 0, vectors, ValueLayout.JAVA_FLOAT, 0, x.length);
        count(input, count);
        count(product, count);
        llama_h.ggml_backend_graph_compute(backend, graph);
        return results.asSlice(0, (long) count * rows * Float.BYTES)
                .toArray(ValueLayout.JAVA_FLOAT);
    }

    /** Sets the number of vectors of a tensor. */
    private static void count(MemorySegment tensor, int count) {
        long node = tensor.address();
        GraphTensor.dimension(node, 1, count, GraphTensor.stride(node, 1));
    }
}
