package io.github.bigllama.internal.load;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.residency.ContextMemory;
import io.github.bigllama.internal.llama.LlamaLog;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Asks llama.cpp how much memory a context takes. */
public final class ContextSizes {
    private ContextSizes() {}

    /**
     * The memory that a context takes, or would take if its model was loaded without allocating.
     *
     * @param created the result of llama_init_from_model, not NULL
     */
    public static ContextMemory of(LlamaLog.Result<MemorySegment> created) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment cache = arena.allocate(ValueLayout.JAVA_LONG);
            MemorySegment compute = arena.allocate(ValueLayout.JAVA_LONG);
            llama_h.bigllama_context_memory(created.value(), cache, compute);
            return new ContextMemory(
                    cache.get(ValueLayout.JAVA_LONG, 0),
                    compute.get(ValueLayout.JAVA_LONG, 0),
                    created.outputBuffer());
        }
    }

    /** Bytes of the buffers in which an existing context computes. */
    public static long computeBuffers(MemorySegment context) {
        return of(new LlamaLog.Result<>(context, List.of(), 0)).computeBuffers();
    }
}
