package io.github.bigllama.internal.draft;

import io.github.bigllama.internal.engine.Context;
import io.github.bigllama.internal.engine.Sequence;
import java.lang.foreign.MemorySegment;
import java.util.function.IntSupplier;

/** The context of a draft model. Not thread-safe; the session of the main model owns it. */
public final class DraftContext {
    private final Context context;
    private final Sequence sequence;

    public DraftContext(Context context, Sequence sequence) {
        this.context = context;
        this.sequence = sequence;
    }

    MemorySegment pointer() {
        return context.pointer();
    }

    /**
     * Computes the rest of a text, a batch at a time.
     *
     * @return false if there is more to compute, or no room
     */
    boolean follow(int[] tokens) {
        int known = context.keep(sequence, sequence.commonPrefix(tokens));
        if (tokens.length + 1 + DraftLength.MOST > context.size()) {
            return false;
        }
        int count = Math.min(context.batchSize(), tokens.length - known);
        if (count > 0 && !context.decode(sequence, tokens, known, count)) {
            return false;
        }
        return known + count == tokens.length;
    }

    /** Computes a draft. */
    int guess(IntSupplier computation) {
        return context.compute(computation);
    }

    /** Notes the tokens that were computed for a draft. */
    void guessed(int last, int[] guess) {
        sequence.append(new int[] {last}, 0, 1);
        sequence.append(guess, 0, guess.length);
        sequence.truncate();
    }
}
