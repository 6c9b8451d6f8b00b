package io.github.bigllama.internal.llama;

import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.stream.LongStream;

/** ggml's devices ({@code ggml_backend_dev_t}). */
public final class Devices {
    private Devices() {}

    /** All devices, including the CPU. */
    public static List<MemorySegment> all() {
        LlamaLibrary.load();
        return LongStream.range(0, llama_h.ggml_backend_dev_count())
                .mapToObj(llama_h::ggml_backend_dev_get)
                .toList();
    }

    public static String name(MemorySegment device) {
        return llama_h.ggml_backend_dev_name(device).getString(0);
    }

    /**
     * The devices with these names, NULL-terminated, as {@code llama_model_params} takes them.
     *
     * @throws IllegalArgumentException if there is no device with one of the names
     */
    public static MemorySegment named(List<String> names, Arena arena) {
        MemorySegment array = arena.allocate(ValueLayout.ADDRESS, names.size() + 1);
        for (int i = 0; i < names.size(); i++) {
            MemorySegment device =
                    llama_h.ggml_backend_dev_by_name(arena.allocateFrom(names.get(i)));
            if (device.equals(MemorySegment.NULL)) {
                throw new IllegalArgumentException(
                        "there is no device "
                                + names.get(i)
                                + "; there is "
                                + String.join(", ", all().stream().map(Devices::name).toList()));
            }
            array.setAtIndex(ValueLayout.ADDRESS, i, device);
        }
        return array;
    }
}
