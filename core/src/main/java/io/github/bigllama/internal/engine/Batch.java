package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_batch;
import io.github.bigllama.internal.media.Embeddings;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * A {@code llama_batch} with tokens of one or several sequences, or embeddings of one, reused for
 * every computation.
 */
final class Batch {
    private final int size;
    private final MemorySegment struct;
    private final MemorySegment tokens;
    private final MemorySegment positions;

    /** A byte for each token: whether it has logits. */
    private final MemorySegment flags;

    /** A pointer for each token, to the id of its sequence. */
    private final MemorySegment pointers;

    /** The ids of all sequences. */
    private final MemorySegment ids;

    /**
     * Allocates a batch.
     *
     * @param size the most tokens
     * @param sequences the number of sequences of the context
     */
    Batch(Arena arena, int size, int sequences) {
        this.size = size;
        struct = llama_batch.allocate(arena);
        tokens = arena.allocate(ValueLayout.JAVA_INT, size);
        positions = arena.allocate(ValueLayout.JAVA_INT, size);
        flags = arena.allocate(size);
        ids = arena.allocate(ValueLayout.JAVA_INT, sequences);
        for (int i = 0; i < sequences; i++) {
            ids.setAtIndex(ValueLayout.JAVA_INT, i, i);
        }
        MemorySegment counts = arena.allocate(ValueLayout.JAVA_INT, size);
        pointers = arena.allocate(ValueLayout.ADDRESS, size);
        for (int i = 0; i < size; i++) {
            counts.setAtIndex(ValueLayout.JAVA_INT, i, 1);
        }
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

    /** Replaces the tokens by those of texts, each of which is a sequence, numbered from 0. */
    void fillTexts(List<int[]> texts) {
        int at = 0;
        for (int text = 0; text < texts.size(); text++) {
            int[] source = texts.get(text);
            MemorySegment.copy(source, 0, tokens, ValueLayout.JAVA_INT, 4L * at, source.length);
            MemorySegment id = ids.asSlice((long) text * Integer.BYTES);
            for (int i = 0; i < source.length; i++) {
                pointers.setAtIndex(ValueLayout.ADDRESS, at + i, id);
            }
            at += source.length;
        }
        flags.asSlice(0, at).fill((byte) 1);
        // Without positions, each sequence begins at 0.
        describe(tokens, MemorySegment.NULL, MemorySegment.NULL);
        llama_batch.n_tokens(struct, at);
    }

    private void describe(MemorySegment ids, MemorySegment rows, MemorySegment places) {
        llama_batch.token(struct, ids);
        llama_batch.embd(struct, rows);
        llama_batch.pos(struct, places);
    }

    /** Replaces the tokens by those of requests, one after the other, or by embeddings of one. */
    void fill(List<Request> requests) {
        Embeddings embeddings = requests.getFirst().embeddings();
        if (embeddings == null) {
            fillTokens(requests);
        } else {
            fill(requests.getFirst(), embeddings);
        }
    }

    private void fill(Request request, Embeddings embeddings) {
        int count = request.share();
        MemorySegment id = ids.asSlice((long) request.sequence().id() * Integer.BYTES);
        for (int i = 0; i < count; i++) {
            pointers.setAtIndex(ValueLayout.ADDRESS, i, id);
        }
        flags.asSlice(0, count).fill((byte) 0);
        describe(
                MemorySegment.NULL,
                embeddings.rows(request.from(), count),
                embeddings.positions(request.from(), count));
        llama_batch.n_tokens(struct, count);
    }

    private void fillTokens(List<Request> requests) {
        describe(tokens, MemorySegment.NULL, positions);
        int at = 0;
        for (Request request : requests) {
            int share = request.share();
            MemorySegment.copy(
                    request.source(),
                    request.from(),
                    tokens,
                    ValueLayout.JAVA_INT,
                    (long) at * Integer.BYTES,
                    share);
            MemorySegment id = ids.asSlice((long) request.sequence().id() * Integer.BYTES);
            for (int i = 0; i < share; i++) {
                pointers.setAtIndex(ValueLayout.ADDRESS, at + i, id);
                flags.set(ValueLayout.JAVA_BYTE, at + i, (byte) (i < request.first() ? 0 : 1));
                positions.setAtIndex(ValueLayout.JAVA_INT, at + i, request.sequence().used() + i);
            }
            at += share;
        }
        llama_batch.n_tokens(struct, at);
    }
}
