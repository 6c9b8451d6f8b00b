package io.github.bigllama.internal.threads;

import io.github.bigllama.bindings.llama.ggml_threadpool_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.CpuBackend;
import io.github.bigllama.internal.llama.NativeHandle;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * The compute threads of one session. Without a pool, ggml would start and end threads for every
 * token.
 */
@SuppressWarnings("restricted")
final class Threadpool {
    private static final MethodHandle NEW =
            CpuBackend.function(
                    "ggml_threadpool_new",
                    FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.ADDRESS));
    private static final MethodHandle FREE =
            CpuBackend.function(
                    "ggml_threadpool_free", FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

    private Threadpool() {}

    /**
     * Starts a pool, which the handle owns.
     *
     * @param sleepy whether threads sleep at once when there is nothing to compute, which leaves
     *     the cores to readers; otherwise they spin for a while, and are ready sooner
     */
    static NativeHandle start(int threads, boolean sleepy) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = ggml_threadpool_params.allocate(arena);
            llama_h.ggml_threadpool_params_init(params, threads);
            if (sleepy) {
                ggml_threadpool_params.poll(params, 0);
            }
            MemorySegment pool = (MemorySegment) NEW.invokeExact(params);
            if (pool.equals(MemorySegment.NULL)) {
                throw new OutOfMemoryError("ggml could not start " + threads + " threads");
            }
            return new NativeHandle("thread pool", pool, Threadpool::free);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static void free(MemorySegment pool) {
        try {
            FREE.invokeExact(pool);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }
}
