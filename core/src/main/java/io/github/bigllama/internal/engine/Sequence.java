package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * One sequence of a context: the tokens that the KV cache holds of it, and what can be done with
 * those without computing anything. It knows nothing of text. Not thread-safe.
 */
public final class Sequence {
    /** Fewer tokens are computed again rather than moved. */
    private static final int LEAST_SHIFTED = 16;

    private final int id;
    private final MemorySegment memory;

    /** Positions that layers with a sliding window look back; 0 without such layers. */
    private final int window;

    /** What the KV cache holds: the first {@code used} of them. */
    private int[] tokens = new int[64];

    private int used;

    /** So many after those are in the KV cache, too: guesses that have not been confirmed. */
    private int guesses;

    /** So many at the beginning are in cells that another sequence may have, too. */
    private int shared;

    /** Whether some were moved, and their keys wait for the next computation to be rotated. */
    private boolean moving;

    Sequence(int id, MemorySegment memory, int window) {
        this.id = id;
        this.memory = memory;
        this.window = window;
    }

    /** What llama.cpp calls it ({@code llama_seq_id}). */
    public int id() {
        return id;
    }

    /** Tokens in the KV cache. */
    public int used() {
        return used;
    }

    /** The tokens in the KV cache. */
    public int[] tokens() {
        return Arrays.copyOf(tokens, used);
    }

    /** How many tokens at the beginning of a prompt the KV cache holds already. */
    public int commonPrefix(int[] prompt) {
        int mismatch = Arrays.mismatch(tokens, 0, used, prompt, 0, prompt.length);
        return mismatch < 0 ? used : mismatch;
    }

    /**
     * Forgets all but the first tokens.
     *
     * @return how many are left: {@code keep}, or 0 where the memory can't forget a part: that of a
     *     recurrent model, or layers with a sliding window that have forgotten what comes before it
     */
    int keep(int keep) {
        if (keep == used && guesses == 0) {
            return used;
        }
        guesses = 0;
        if (keep > 0 && llama_h.llama_memory_seq_rm(memory, id, keep, -1) && seesBack(keep)) {
            used = keep;
            shared = Math.min(shared, used);
        } else {
            clear();
        }
        return used;
    }

    /** Whether the next token, at this position, would find all that its layers look back to. */
    private boolean seesBack(int position) {
        // -1 if such layers hold nothing any more.
        int oldest = llama_h.llama_memory_seq_pos_min(memory, id);
        return window == 0 || oldest >= 0 && oldest <= Math.max(0, position - window);
    }

    /** Forgets everything. */
    public void clear() {
        llama_h.llama_memory_seq_rm(memory, id, -1, -1);
        used = 0;
        guesses = 0;
        shared = 0;
        moving = false;
    }

    /**
     * Finds what a prompt has left out: tokens after the common beginning without which the rest of
     * this sequence goes on like the prompt.
     *
     * @return their number; 0 if there is no such part, or hardly anything after it
     */
    int leftOut(int[] prompt) {
        int prefix = commonPrefix(prompt);
        int overlap = overlap(tokens, prefix, used, prompt, prefix);
        return overlap < LEAST_SHIFTED ? 0 : used - prefix - overlap;
    }

    /**
     * The length of the longest end of {@code a[fromA, toA)} with which {@code b[fromB, …)} begins:
     * the state of a Knuth-Morris-Pratt automaton for {@code b} after {@code a}.
     */
    public static int overlap(int[] a, int fromA, int toA, int[] b, int fromB) {
        int length = Math.min(b.length - fromB, toA - fromA);
        if (length <= 0) {
            return 0;
        }
        int[] borders = new int[length + 1];
        borders[0] = -1;
        for (int i = 0, border = -1; i < length; ) {
            while (border >= 0 && b[fromB + i] != b[fromB + border]) {
                border = borders[border];
            }
            borders[++i] = ++border;
        }
        int state = 0;
        for (int i = toA - length; i < toA; i++) {
            while (state >= 0 && (state == length || a[i] != b[fromB + state])) {
                state = borders[state];
            }
            state++;
        }
        return state;
    }

    /** Whether {@link #remove} is possible without computing what follows again. */
    public boolean canShift() {
        return llama_h.llama_memory_can_shift(memory);
    }

    /**
     * Forgets tokens in the middle, and moves those after them to their positions: what these have
     * seen of the forgotten ones stays in them.
     *
     * @return whether it could be done; else nothing has changed. A cell has one position for all
     *     sequences that share it, so that those are not moved
     */
    public boolean remove(int from, int to) {
        if (to < shared || !canShift() || !llama_h.llama_memory_seq_rm(memory, id, from, to)) {
            return false;
        }
        llama_h.llama_memory_seq_add(memory, id, to, -1, from - to);
        System.arraycopy(tokens, to, tokens, from, used - to);
        moving |= to < used;
        used -= to - from;
        shared = Math.min(shared, from);
        return true;
    }

    /** Has what another sequence of the same context has; cells of the KV cache are shared. */
    public void copy(Sequence other) {
        clear();
        other.keep(other.used);
        llama_h.llama_memory_seq_cp(memory, other.id, id, -1, -1);
        tokens = other.tokens.clone();
        used = other.used;
        shared = used;
        other.shared = used;
        moving = other.moving;
    }

    /** There is no other sequence any more. */
    void unshare() {
        shared = 0;
    }

    /** Whether llama.cpp has still to finish what {@link #remove} has begun. */
    public boolean isMoving() {
        return moving;
    }

    /**
     * A computation has finished it, or has failed to: then some layers have moved and some have
     * not, and nothing of it is of use.
     */
    void moved(boolean isDone) {
        if (moving && !isDone) {
            clear();
        }
        moving = false;
    }

    /** Tokens have been computed. */
    public void append(int[] source, int from, int count) {
        if (used + count > tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(used + count, 2 * tokens.length));
        }
        System.arraycopy(source, from, tokens, used, count);
        used += count;
    }

    /** The last tokens that were computed are guesses. */
    void guessed(int count) {
        used -= count;
        guesses = count;
    }

    /** Guesses in the KV cache that have not been confirmed. */
    int guesses() {
        return guesses;
    }

    /** The first guess was right. */
    void confirm() {
        used++;
        guesses--;
    }

    /** A computation has ended early: it holds what the memory says that it holds. */
    void truncate() {
        used = Math.min(used, llama_h.llama_memory_seq_pos_max(memory, id) + 1);
    }

    /** A computation went wrong: nothing of it may stay. */
    void rollBack(int before) {
        llama_h.llama_memory_seq_rm(memory, id, before, -1);
        used = before;
        guesses = 0;
        shared = Math.min(shared, used);
    }
}
