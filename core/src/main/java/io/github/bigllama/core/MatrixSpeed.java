package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.ggml_init_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.gguf.GgmlType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * How fast the CPU multiplies matrices that are in RAM with a vector: nearly all that it does for a
 * token. ggml computes it, with the kernels that a model gets.
 */
@SuppressWarnings("restricted")
final class MatrixSpeed {
    /** More than any cache has. */
    private static final long BYTES = 256L << 20;

    private static final int COLUMNS = 4096;
    private static final int ROWS = 4096;

    /** Long enough that what else the machine does is not all that is seen. */
    private static final double SECONDS = 0.7;

    /** Small numbers in every type, and no denormal ones. */
    private static final byte CONTENT = 0x11;

    private static final MethodHandle SET_THREADS =
            CpuBackend.function(
                    "ggml_backend_set_n_threads",
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_INT));

    private MatrixSpeed() {}

    /**
     * Measures, in about a second; takes 256 MiB meanwhile.
     *
     * @param type one that can be multiplied: quantized, or F32, F16, BF16
     * @return bytes of matrices a second
     */
    static double of(GgmlType type, int threads) {
        long matrix = llama_h.ggml_row_size(type.id(), COLUMNS) * ROWS;
        int count = (int) Math.max(1, BYTES / matrix);
        // A result of ROWS floats each, and its headers.
        long size = count * (matrix + ROWS * Float.BYTES + 4 * llama_h.ggml_tensor_overhead());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = ggml_init_params.allocate(arena);
            ggml_init_params.mem_size(params, size + 2 * llama_h.ggml_graph_overhead());
            ggml_init_params.mem_buffer(params, MemorySegment.NULL);
            ggml_init_params.no_alloc(params, false);
            MemorySegment context = llama_h.ggml_init(params);
            if (context.equals(MemorySegment.NULL)) {
                throw new OutOfMemoryError("no " + size + " bytes to measure with");
            }
            try {
                return measure(graph(context, type, count), count * matrix, threads);
            } finally {
                llama_h.ggml_free(context);
            }
        }
    }

    private static MemorySegment graph(MemorySegment context, GgmlType type, int count) {
        MemorySegment graph = llama_h.ggml_new_graph(context);
        MemorySegment vector =
                filled(llama_h.ggml_new_tensor_1d(context, llama_h.GGML_TYPE_F32(), COLUMNS));
        for (int i = 0; i < count; i++) {
            MemorySegment weights =
                    filled(llama_h.ggml_new_tensor_2d(context, type.id(), COLUMNS, ROWS));
            llama_h.ggml_build_forward_expand(
                    graph, llama_h.ggml_mul_mat(context, weights, vector));
        }
        return graph;
    }

    private static MemorySegment filled(MemorySegment tensor) {
        llama_h.ggml_get_data(tensor).reinterpret(llama_h.ggml_nbytes(tensor)).fill(CONTENT);
        return tensor;
    }

    private static double measure(MemorySegment graph, long bytes, int threads) {
        MemorySegment backend =
                llama_h.ggml_backend_dev_init(CpuBackend.device(), MemorySegment.NULL);
        try {
            setThreads(backend, threads);
            double best = 0;
            long begin = System.nanoTime();
            long end = begin;
            while (end - begin < SECONDS * 1e9) {
                long start = System.nanoTime();
                llama_h.ggml_backend_graph_compute(backend, graph);
                end = System.nanoTime();
                best = Math.max(best, bytes * 1e9 / (end - start));
            }
            return best;
        } finally {
            llama_h.ggml_backend_free(backend);
        }
    }

    private static void setThreads(MemorySegment backend, int threads) {
        try {
            SET_THREADS.invokeExact(backend, threads);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
