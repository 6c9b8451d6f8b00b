package io.github.bigllama.core.forecast;

import io.github.bigllama.bindings.llama.ggml_init_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.internal.llama.CpuBackend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;

/**
 * How fast the CPU multiplies matrices in RAM with a vector, which is nearly all of its work for a
 * token. ggml computes it, with the same kernels as for a model.
 */
@SuppressWarnings("restricted")
final class MatrixSpeed {
    /** More than fits into any CPU cache. */
    private static final long BYTES = 256L << 20;

    /** Fewer than ggml's {@code GGML_DEFAULT_GRAPH_SIZE}. */
    private static final int MOST_MATRICES = 2000;

    /** A matrix that takes less time to multiply with than threads take to meet. */
    private static final int SMALL = 32;

    private static final int SMALL_COUNT = 1000;

    private static final double SECONDS = 0.7;

    /**
     * Time to measure with one thread. Several threads are faster, unless another program keeps a
     * core busy: ggml's threads wait for each other after each matrix, and then all wait for the
     * slowest.
     */
    private static final double SECONDS_ALONE = 0.3;

    /** How often to measure again if several threads were slower than one. */
    private static final int ATTEMPTS = 8;

    private static final long WAIT_MILLIS = 500;

    /** Gives small numbers in every type, but no denormals. */
    private static final byte CONTENT = 0x11;

    private MatrixSpeed() {}

    /**
     * Measures for about a second, or a few seconds on a busy machine; takes 256 MiB meanwhile.
     *
     * @param type a type with a matrix kernel: quantized, or F32, F16, BF16
     * @param columns elements of a row
     * @param rows number of rows, among which threads divide the work
     * @return bytes of matrices per second
     */
    static double of(GgmlType type, int columns, int rows, int threads) {
        long matrix = llama_h.ggml_row_size(type.id(), columns) * rows;
        int count = Math.clamp(BYTES / matrix, 1, MOST_MATRICES);
        return count * matrix * graphs(type, columns, rows, count, threads);
    }

    /**
     * Measures for about a second, or a few seconds on a busy machine.
     *
     * @return steps of a computation per second, if they have next to nothing to compute
     */
    static double steps(int threads) {
        return SMALL_COUNT * graphs(GgmlType.F32, SMALL, SMALL, SMALL_COUNT, threads);
    }

    /** How often a vector is multiplied with a number of matrices, per second. */
    private static double graphs(GgmlType type, int columns, int rows, int count, int threads) {
        long matrix = llama_h.ggml_row_size(type.id(), columns) * rows;
        // Each result has a float per row and a tensor header.
        long size = count * (matrix + rows * Float.BYTES + 4 * llama_h.ggml_tensor_overhead());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = ggml_init_params.allocate(arena);
            ggml_init_params.mem_size(params, size + 2 * llama_h.ggml_graph_overhead());
            ggml_init_params.mem_buffer(params, MemorySegment.NULL);
            ggml_init_params.no_alloc(params, false);
            MemorySegment context = llama_h.ggml_init(params);
            if (context.equals(MemorySegment.NULL)) {
                throw new OutOfMemoryError("cannot allocate " + size + " bytes to measure with");
            }
            try {
                MemorySegment graph = llama_h.ggml_new_graph(context);
                MemorySegment vector =
                        filled(
                                llama_h.ggml_new_tensor_1d(
                                        context, llama_h.GGML_TYPE_F32(), columns));
                for (int i = 0; i < count; i++) {
                    MemorySegment weights =
                            filled(llama_h.ggml_new_tensor_2d(context, type.id(), columns, rows));
                    llama_h.ggml_build_forward_expand(
                            graph, llama_h.ggml_mul_mat(context, weights, vector));
                }
                return measure(graph, threads);
            } finally {
                llama_h.ggml_free(context);
            }
        }
    }

    private static MemorySegment filled(MemorySegment tensor) {
        llama_h.ggml_get_data(tensor).reinterpret(llama_h.ggml_nbytes(tensor)).fill(CONTENT);
        return tensor;
    }

    private static double measure(MemorySegment graph, int threads) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment backend = CpuBackend.create(arena);
            double alone = median(backend, graph, 1, SECONDS_ALONE);
            double together = alone;
            for (int i = 0; i < ATTEMPTS && threads > 1; i++) {
                together = median(backend, graph, threads, SECONDS);
                if (together > alone) {
                    return together;
                }
                Thread.sleep(WAIT_MILLIS);
            }
            return Math.max(alone, together);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted while memory was measured");
        }
    }

    /** The median over a number of seconds, in graphs per second. */
    private static double median(
            MemorySegment backend, MemorySegment graph, int threads, double seconds) {
        CpuBackend.threads(backend, threads);
        List<Double> speeds = new ArrayList<>();
        long begin = System.nanoTime();
        long end = begin;
        while (end - begin < seconds * 1e9) {
            long start = System.nanoTime();
            llama_h.ggml_backend_graph_compute(backend, graph);
            end = System.nanoTime();
            speeds.add(1e9 / (end - start));
        }
        speeds.sort(null);
        return speeds.get(speeds.size() / 2);
    }
}
