package io.github.bigllama.internal.engine;

import java.lang.foreign.MemorySegment;
import java.util.function.IntSupplier;

/** What a model that guesses knows of a text. Not thread-safe; its session owns the context. */
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
     * Has it know a text, a batch at a time.
     *
     * @return false if there is more to compute, or no room for it
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

    /** Computes guesses. */
    int guess(IntSupplier computation) {
        return context.compute(computation);
    }

    /** So much was computed for a guess. */
    void guessed(int last, int[] guess) {
        sequence.append(new int[] {last}, 0, 1);
        sequence.append(guess, 0, guess.length);
        sequence.truncate();
    }
}
