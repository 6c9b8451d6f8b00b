package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.NativeHandle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The outputs of a context: logits and embeddings of the last batch. Not thread-safe. */
@SuppressWarnings("restricted")
public final class Outputs {
    private final NativeHandle context;

    /** The sequence that was computed last; null if it has changed since. */
    private Sequence computed;

    /** Which token of the last batch is the last of the sequence; -1 for the last of the batch. */
    private int last = -1;

    /** A copy of the last logits, for checking each. */
    private float[] copy = {};

    /** Views of the last decode live until the next one; made only if someone asks. */
    private Arena views;

    public Outputs(NativeHandle context) {
        this.context = context;
    }

    /** Notes that a batch of a sequence has been computed. */
    void computed(Sequence sequence) {
        computed = sequence;
        last = -1;
    }

    /** What was computed after the first token of the batch are guesses. */
    void guessed() {
        last = 0;
    }

    /** The guess after the last token was right. */
    void confirm() {
        closeViews();
        last++;
    }

    /** Which token of the last batch is the last of its sequence, as llama.cpp counts them. */
    int last() {
        return last;
    }

    /** Closes all views, because the outputs are gone or about to change. */
    public void invalidate() {
        computed = null;
        closeViews();
    }

    /** Closes all views if the last computation was of a sequence, which has changed. */
    public void invalidate(Sequence sequence) {
        closeViews();
        if (computed == sequence) {
            computed = null;
        }
    }

    private void closeViews() {
        if (views != null) {
            views.close();
            views = null;
        }
    }

    /** Whether the last computation was of this sequence. */
    public boolean areOf(Sequence sequence) {
        return computed == sequence;
    }

    /**
     * Logits of a token of the last batch that has some, or with -1 of the last of the sequence:
     * read-only.
     */
    public MemorySegment logits(int index, int vocabularySize) {
        return view(
                llama_h.llama_get_logits_ith(context.pointer(), index < 0 ? last : index),
                vocabularySize);
    }

    /** The read-only embedding of the last token; NULL if there is none. */
    public MemorySegment embedding(int size) {
        return view(llama_h.llama_get_embeddings_ith(context.pointer(), last), size);
    }

    /** A view that lives until the next computation, a change of the sequence, or close. */
    private MemorySegment view(MemorySegment raw, long floats) {
        if (raw.equals(MemorySegment.NULL)) {
            return raw;
        }
        if (views == null) {
            views = Arena.ofShared();
        }
        return raw.reinterpret(floats * Float.BYTES, views, null).asReadOnly();
    }

    /** Whether no logit of the last token of the sequence is NaN or plus infinity. */
    public boolean areNumbers(int vocabularySize) {
        if (copy.length != vocabularySize) {
            copy = new float[vocabularySize];
        }
        MemorySegment raw = llama_h.llama_get_logits_ith(context.pointer(), last);
        // A loop over an array is fast from the first token on; one over a segment only after it is
        // compiled, which takes longer than many answers.
        MemorySegment.ofArray(copy).copyFrom(raw.reinterpret((long) vocabularySize * Float.BYTES));
        float sum = 0;
        for (float logit : copy) {
            // Multiplied by 0, only NaN and the infinities are not 0; minus infinity is a valid
            // logit.
            sum += logit == Float.NEGATIVE_INFINITY ? 0 : logit * 0;
        }
        return sum == 0;
    }
}
