package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_batch;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A {@code llama_batch} with tokens of one sequence, reused for every computation. */
final class Batch {
    private final int size;
    private final MemorySegment struct;
    private final MemorySegment tokens;

    /** A byte for each token: whether it has logits. */
    private final MemorySegment flags;

    /** The sequence id that all tokens share. */
    private final MemorySegment sequence;

    /**
     * Allocates a batch.
     *
     * @param size the most tokens
     */
    Batch(Arena arena, int size) {
        this.size = size;
        struct = llama_batch.allocate(arena);
        tokens = arena.allocate(ValueLayout.JAVA_INT, size);
        flags = arena.allocate(size);
        sequence = arena.allocate(ValueLayout.JAVA_INT);
        MemorySegment counts = arena.allocate(ValueLayout.JAVA_INT, size);
        MemorySegment pointers = arena.allocate(ValueLayout.ADDRESS, size);
        for (int i = 0; i < size; i++) {
            counts.setAtIndex(ValueLayout.JAVA_INT, i, 1);
            pointers.setAtIndex(ValueLayout.ADDRESS, i, sequence);
        }
        // Positions stay NULL: llama.cpp then counts on from those in the KV cache.
        llama_batch.token(struct, tokens);
        llama_batch.n_seq_id(struct, counts);
        llama_batch.seq_id(struct, pointers);
        llama_batch.logits(struct, flags);
    }

    /** The most tokens. */
    int size() {
        return size;
    }

    /** The native struct, which points to the tokens. */
    MemorySegment struct() {
        return struct;
    }

    /**
     * Replaces the tokens.
     *
     * @param first index of the first token with logits, from 0; {@code count} for none
     */
    void fill(Sequence newSequence, int[] source, int from, int count, int first) {
        MemorySegment.copy(source, from, tokens, ValueLayout.JAVA_INT, 0, count);
        sequence.set(ValueLayout.JAVA_INT, 0, newSequence.id());
        flags.asSlice(0, first).fill((byte) 0);
        flags.asSlice(first, count - first).fill((byte) 1);
        llama_batch.n_tokens(struct, count);
    }
}
