package io.github.bigllama.internal.llama;

import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * Functions of ggml's CPU backend. It may be a module that is loaded at run time, so they are
 * looked up by name.
 */
@SuppressWarnings("restricted")
public final class CpuBackend {
    private static final MethodHandle SET_THREADS =
            function(
                    "ggml_backend_set_n_threads",
                    FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, ValueLayout.JAVA_INT));

    private CpuBackend() {}

    /** A backend to compute graphs with, which is freed when the arena is closed. */
    public static MemorySegment create(Arena arena) {
        MemorySegment backend = llama_h.ggml_backend_dev_init(device(), MemorySegment.NULL);
        if (backend.equals(MemorySegment.NULL)) {
            throw new OutOfMemoryError("cannot allocate a CPU backend");
        }
        return backend.reinterpret(arena, llama_h::ggml_backend_free);
    }

    /** Sets how many threads a backend computes with: the calling one, and others. */
    public static void threads(MemorySegment backend, int threads) {
        try {
            SET_THREADS.invokeExact(backend, threads);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    /**
     * The device of the CPU.
     *
     * @throws IllegalStateException if there is none
     */
    public static MemorySegment device() {
        LlamaLibrary.load();
        MemorySegment cpu =
                llama_h.ggml_backend_dev_by_type(llama_h.GGML_BACKEND_DEVICE_TYPE_CPU());
        if (cpu.equals(MemorySegment.NULL)) {
            throw new IllegalStateException("llama.cpp has no CPU backend");
        }
        return cpu;
    }

    /**
     * A function ({@code ggml_backend_reg_get_proc_address}).
     *
     * @throws IllegalStateException if it has none with this name
     */
    public static MethodHandle function(String name, FunctionDescriptor descriptor) {
        MemorySegment registry = llama_h.ggml_backend_dev_backend_reg(device());
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment address =
                    llama_h.ggml_backend_reg_get_proc_address(registry, arena.allocateFrom(name));
            if (address.equals(MemorySegment.NULL)) {
                throw new IllegalStateException("llama.cpp's CPU backend has no " + name);
            }
            return Linker.nativeLinker().downcallHandle(address, descriptor);
        }
    }
}
