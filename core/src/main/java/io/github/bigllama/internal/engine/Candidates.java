package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.bindings.llama.llama_token_data;
import io.github.bigllama.bindings.llama.llama_token_data_array;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A {@code llama_token_data_array}, from which samplers choose a token. Not thread-safe. */
final class Candidates {
    private static final long STRIDE = llama_token_data.sizeof();

    private final int vocabularySize;
    private final MemorySegment room;
    private final MemorySegment array;

    Candidates(int vocabularySize, Arena arena) {
        this.vocabularySize = vocabularySize;
        room = llama_token_data.allocateArray(vocabularySize, arena);
        array = llama_token_data_array.allocate(arena);
    }

    /** The array, for samplers; they may shorten or replace what it points to. */
    MemorySegment array() {
        return array;
    }

    /**
     * Makes candidates of all tokens.
     *
     * @return false if a logit is NaN or infinity, on which samplers end the process
     */
    boolean fill(MemorySegment logits) {
        return llama_h.bigllama_candidates_fill(array, room, logits, vocabularySize);
    }

    /** Makes a single candidate. */
    void only(int token) {
        llama_token_data.id(room, token);
        llama_token_data.logit(room, 1);
        llama_token_data_array.data(array, room);
        llama_token_data_array.size(array, 1);
        llama_token_data_array.selected(array, -1);
        llama_token_data_array.sorted(array, false);
    }

    /** The logit of a candidate, as long as no sampler has moved any. */
    float logit(int index) {
        return llama_token_data.logit(llama_token_data.asSlice(room, index));
    }

    /** Has a chain of samplers choose a candidate; nothing is accepted. */
    @SuppressWarnings("restricted")
    int choose(MemorySegment chain) {
        llama_h.llama_sampler_apply(chain, array);
        MemorySegment data =
                llama_token_data_array
                        .data(array)
                        .reinterpret(llama_token_data_array.size(array) * STRIDE);
        long selected = llama_token_data_array.selected(array);
        return llama_token_data.id(llama_token_data.asSlice(data, Math.max(0, selected)));
    }
}
