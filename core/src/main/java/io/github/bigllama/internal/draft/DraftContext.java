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

    /** The number of tokens at the end of a text that have not been computed. */
    int missing(int[] tokens) {
        return tokens.length - lane.sequence().commonPrefix(tokens);
    }

    /**
     * Computes the rest of a text, a batch at a time.
     *
     * @return false if there is more to compute, or no room
     */
    boolean follow(int[] tokens) {
        int known = lane.keep(tokens.length - missing(tokens));
        if (tokens.length + 1 + DraftLength.MOST > lane.context().size()) {
            return false;
        }
        int count = tokens.length - known;
        return count == 0 || lane.decodeSome(tokens, known, count) == count;
    }

    /**
     * Computes with the token after the text.
     *
     * @param computation computes that token, and nothing after it
     */
    int guess(int last, IntSupplier computation) {
        int result = lane.compute(computation);
        lane.sequence().append(new int[] {last}, 0, 1);
        lane.sequence().truncate();
        return result;
    }

    /** Leaves the cores to others. */
    void rest() {
        lane.rest();
    }
}
