package io.github.bigllama.internal.draft;

import io.github.bigllama.internal.engine.Lane;
import java.lang.foreign.MemorySegment;
import java.util.function.IntSupplier;

/** The context of a draft model. Not thread-safe; the session of the main model owns it. */
public final class DraftContext {
    private final Lane lane;

    public DraftContext(Lane lane) {
        this.lane = lane;
    }

    MemorySegment pointer() {
        return lane.pointer();
    }

    /**
     * Computes the rest of a text, a batch at a time.
     *
     * @return false if there is more to compute, or no room
     */
    boolean follow(int[] tokens) {
        int known = lane.keep(lane.sequence().commonPrefix(tokens));
        if (tokens.length + 1 + DraftLength.MOST > lane.context().size()) {
            return false;
        }
        int count = tokens.length - known;
        return count == 0 || lane.decodeSome(tokens, known, count) == count;
    }

    /** Computes a draft. */
    int guess(IntSupplier computation) {
        return lane.compute(computation);
    }

    /** Notes the tokens that were computed for a draft. */
    void guessed(int last, int[] guess) {
        lane.sequence().append(new int[] {last}, 0, 1);
        lane.sequence().append(guess, 0, guess.length);
        lane.sequence().truncate();
    }
}
