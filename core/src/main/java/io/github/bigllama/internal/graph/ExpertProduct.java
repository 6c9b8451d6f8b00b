package io.github.bigllama.internal.graph;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.Shim;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A multiplication by experts that may be anywhere in memory, in the place of llama.cpp's own
 * (ggml_mul_mat_id), with the same kernels. It is as fast however many experts there are, while
 * llama.cpp's takes longer with each slot between the first and the last that it uses. For batches
 * of few tokens: each thread converts the inputs of all.
 *
 * <p>For one node at a time, and the thread that is inside llama_decode. Lives as long as its
 * arena.
 */
@SuppressWarnings("restricted")
final class ExpertProduct {
    /** The most choices in a batch, over all its tokens. */
    static final int MOST = 64;

    private final MemorySegment product;
    private final MemorySegment addresses;
    private final MemorySegment error;

    /**
     * One for a context whose graphs may be computed as long as the arena lives.
     *
     * @throws IllegalStateException if llama.cpp's kernels can't be had
     */
    ExpertProduct(Arena arena) {
        error = arena.allocate(ValueLayout.ADDRESS);
        MemorySegment created = llama_h.bigllama_experts_create(error);
        if (created.equals(MemorySegment.NULL)) {
            throw new IllegalStateException(Shim.reason(error));
        }
        product = created.reinterpret(arena, llama_h::bigllama_experts_free);
        addresses = arena.allocate(ValueLayout.JAVA_LONG, MOST);
    }

    /**
     * Has a node be computed once with experts elsewhere.
     *
     * @param slices the address of each chosen expert, token after token; {@link #MOST} at most
     */
    void enter(long node, long[] slices) {
        MemorySegment.copy(slices, 0, addresses, ValueLayout.JAVA_LONG, 0, slices.length);
        MemorySegment tensor = MemorySegment.ofAddress(node);
        if (llama_h.bigllama_experts_enter(product, tensor, addresses, slices.length, error) < 0) {
            throw new OutOfMemoryError(Shim.reason(error));
        }
    }

    /** Has a node be what it was; nothing happens if another node has taken its memory. */
    void leave(long node) {
        llama_h.bigllama_experts_leave(product, MemorySegment.ofAddress(node));
    }
}
