package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.NativeHandle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * The outputs of a lane: logits and embeddings of its last computation. Those of a lane that has a
 * context for itself stay where llama.cpp wrote them, until the next computation; others are copied
 * before the next computation, which may be of other lanes. Not thread-safe.
 */
@SuppressWarnings("restricted")
public final class Outputs implements AutoCloseable {
    private final NativeHandle context;
    private final long logitsSize;

    /** Bytes of an embedding; 0 if there are none. */
    private final long embeddingSize;

    private final boolean isShared;

    /** Whether there are outputs, of tokens since which the sequence has not changed. */
    private boolean isValid;

    /** Which token of the computation is the last of the sequence. */
    private int last;

    /** Index of the first token whose outputs were copied, and of the first after them. */
    private int from;

    private int to;
    private Copy logits = new Copy();
    private Copy embeddings = new Copy();

    /** Views of the last decode live until the next one; made only if someone asks. */
    private @Nullable Arena views;

    /**
     * The outputs of a lane without a computation.
     *
     * @param vocabulary number of tokens
     * @param embedding length of an embedding in floats, 0 if there are none
     * @param isShared whether other lanes use the context, too
     */
    Outputs(NativeHandle context, int vocabulary, int embedding, boolean isShared) {
        this.context = context;
        this.logitsSize = (long) vocabulary * Float.BYTES;
        this.embeddingSize = (long) embedding * Float.BYTES;
        this.isShared = isShared;
    }

    /** Rows of floats, one after the other. */
    private static final class Copy implements AutoCloseable {
        private @Nullable Arena arena;
        private MemorySegment rows = MemorySegment.NULL;

        void reserve(long bytes) {
            if (rows.byteSize() < bytes) {
                close();
                arena = Arena.ofShared();
                rows = arena.allocate(bytes, Float.BYTES);
            }
        }

        @Override
        public void close() {
            if (arena != null) {
                arena.close();
            }
            arena = null;
            rows = MemorySegment.NULL;
        }
    }

    /**
     * Notes that tokens have been computed.
     *
     * @param offset index of the first of them in llama.cpp's batch
     * @param first index of the first of them with logits
     */
    void computed(int offset, int count, int first) {
        isValid = true;
        last = count - 1;
        from = first;
        to = count;
        if (isShared && first < count) {
            logits.reserve((count - first) * logitsSize);
            embeddings.reserve((count - first) * embeddingSize);
            for (int i = first; i < count; i++) {
                copy(llama_h.llama_get_logits_ith(context.pointer(), offset + i), logits, i);
                if (embeddingSize > 0) {
                    copy(
                            llama_h.llama_get_embeddings_ith(context.pointer(), offset + i),
                            embeddings,
                            i);
                }
            }
        }
    }

    private void copy(MemorySegment raw, Copy target, int index) {
        long size = target == logits ? logitsSize : embeddingSize;
        target.rows.asSlice((index - from) * size, size).copyFrom(raw.reinterpret(size));
    }

    /** What was computed after the first token of the computation are guesses. */
    void guessed() {
        last = 0;
    }

    /** The guess after the last token was right. */
    void confirm() {
        closeViews();
        last++;
    }

    /** Closes all views, because the outputs are gone or about to change. */
    void invalidate() {
        isValid = false;
        closeViews();
    }

    private void closeViews() {
        if (views != null) {
            views.close();
            views = null;
        }
    }

    /**
     * The logits of the last token, for as long as nothing is computed: llama.cpp's own, or the
     * lane's copy, and writable.
     */
    public MemorySegment last() {
        return raw(last, logits, logitsSize).reinterpret(logitsSize);
    }

    /**
     * Logits of a token of the last computation, or with -1 of the last of the sequence: read-only,
     * until the next computation, a change of the sequence, or close. NULL if there are none.
     */
    public MemorySegment logits(int index) {
        return view(raw(index < 0 ? last : index, logits, logitsSize), logitsSize);
    }

    /** The embedding of the last token, under the rules of {@link #logits}. */
    public MemorySegment embedding() {
        return view(raw(last, embeddings, embeddingSize), embeddingSize);
    }

    private MemorySegment raw(int index, Copy copies, long size) {
        if (!isValid || isShared && (index < from || index >= to)) {
            return MemorySegment.NULL;
        }
        if (isShared) {
            return copies.rows.asSlice((index - from) * size, size);
        }
        return copies == logits
                ? llama_h.llama_get_logits_ith(context.pointer(), index)
                : llama_h.llama_get_embeddings_ith(context.pointer(), index);
    }

    private MemorySegment view(MemorySegment raw, long size) {
        if (raw.equals(MemorySegment.NULL)) {
            return raw;
        }
        if (views == null) {
            views = Arena.ofShared();
        }
        return raw.reinterpret(size, views, null).asReadOnly();
    }

    @Override
    public void close() {
        invalidate();
        logits.close();
        embeddings.close();
    }
}
