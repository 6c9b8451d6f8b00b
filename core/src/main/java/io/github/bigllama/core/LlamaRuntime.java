package io.github.bigllama.core;

import io.github.bigllama.bindings.NativeLibrary;
import io.github.bigllama.bindings.llama.ggml_backend_feature;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.internal.llama.Devices;
import io.github.bigllama.internal.llama.LlamaLibrary;
import io.github.bigllama.internal.system.CpuTopology;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The llama.cpp in this process: its version, its libraries and its devices. It is loaded once, by
 * the first call that needs it. Thread-safe.
 */
@SuppressWarnings("restricted")
public final class LlamaRuntime {
    private final NativeLibrary library;

    private LlamaRuntime(NativeLibrary library) {
        this.library = library;
    }

    /**
     * Loads llama.cpp, unless it has been loaded already.
     *
     * @throws NativeLoadException if there are no usable libraries; the message lists every place
     *     tried and why it failed
     */
    public static LlamaRuntime load() {
        return new LlamaRuntime(LlamaLibrary.load());
    }

    /** llama.cpp's version, for example {@code 0.5.0}. */
    public String version() {
        return llama_h.llama_version().getString(0);
    }

    /** Where the libraries came from: {@code override}, {@code jar} or {@code system}. */
    public String origin() {
        return library.origin().name().toLowerCase(Locale.ROOT);
    }

    /** The folder that the libraries were loaded from. */
    public Path directory() {
        return library.directory();
    }

    /**
     * How the libraries were built: {@code local} for one CPU, {@code portable}, or {@code
     * unknown}.
     */
    public String flavour() {
        return library.flavour();
    }

    /** The devices that llama.cpp found, the CPU included. */
    public List<Device> devices() {
        List<Device> devices = new ArrayList<>();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = arena.allocate(ValueLayout.JAVA_LONG, 2);
            for (MemorySegment device : Devices.all()) {
                llama_h.ggml_backend_dev_memory(device, memory, memory.asSlice(Long.BYTES));
                devices.add(
                        new Device(
                                Devices.name(device),
                                llama_h.ggml_backend_dev_description(device).getString(0),
                                kind(llama_h.ggml_backend_dev_type(device)),
                                memory.getAtIndex(ValueLayout.JAVA_LONG, 0),
                                memory.getAtIndex(ValueLayout.JAVA_LONG, 1)));
            }
        }
        return devices;
    }

    /** The number of threads that a session uses by default: one per physical core. */
    public int defaultThreads() {
        return CpuTopology.physicalCores();
    }

    /**
     * The CPU features that the backend was compiled for, named as by llama.cpp, for example {@code
     * AVX2}.
     */
    public List<String> cpuFeatures() {
        List<String> features = new ArrayList<>();
        MemorySegment cpu =
                llama_h.ggml_backend_dev_by_type(llama_h.GGML_BACKEND_DEVICE_TYPE_CPU());
        if (cpu.equals(MemorySegment.NULL)) {
            return features;
        }
        MemorySegment registry = llama_h.ggml_backend_dev_backend_reg(cpu);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment function =
                    llama_h.ggml_backend_reg_get_proc_address(
                            registry, arena.allocateFrom("ggml_backend_get_features"));
            if (function.equals(MemorySegment.NULL)) {
                return features;
            }
            MemorySegment list =
                    (MemorySegment)
                            Linker.nativeLinker()
                                    .downcallHandle(
                                            function,
                                            FunctionDescriptor.of(
                                                    llama_h.C_POINTER, ValueLayout.ADDRESS))
                                    .invokeExact(registry);
            for (long i = 0; ; i++) {
                MemorySegment feature = ggml_backend_feature.asSlice(list, i);
                MemorySegment name = ggml_backend_feature.name(feature);
                if (name.equals(MemorySegment.NULL)) {
                    return features;
                }
                features.add(name.getString(0));
            }
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new AssertionError(e);
        }
    }

    private static Device.Kind kind(int type) {
        if (type == llama_h.GGML_BACKEND_DEVICE_TYPE_GPU()) {
            return Device.Kind.GPU;
        }
        if (type == llama_h.GGML_BACKEND_DEVICE_TYPE_IGPU()) {
            return Device.Kind.INTEGRATED_GPU;
        }
        if (type == llama_h.GGML_BACKEND_DEVICE_TYPE_ACCEL()) {
            return Device.Kind.ACCELERATOR;
        }
        return type == llama_h.GGML_BACKEND_DEVICE_TYPE_META() ? Device.Kind.META : Device.Kind.CPU;
    }
}
