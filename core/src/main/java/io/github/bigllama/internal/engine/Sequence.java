package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.media.MediaPiece;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * One sequence of a context: its tokens in the KV cache, and the operations on them that compute
 * nothing. It knows nothing about text. Not thread-safe.
 */
public final class Sequence {
    /** The fewest tokens that are moved rather than computed again. */
    private static final int LEAST_SHIFTED = 16;

    private final int id;
    private final MemorySegment memory;

    /** Of the {@link MtpContext}; null without one. */
    private final @Nullable MemorySegment follower;

    /**
     * The number of positions that layers with a sliding window look back; 0 without such layers.
     */
    private final int window;

    /**
     * Whether layers have a state that every token changes, and that can't go back (recurrent and
     * hybrid models): the memory holds all tokens that it was given, or none.
     */
    private final boolean isRecurrent;

    /** The tokens in the KV cache: the first {@code used} elements. */
    private int[] tokens = new int[64];

    private int used;

    /** So many after those are in the KV cache, too: guesses that have not been confirmed. */
    private int guesses;

    /** Number of tokens at the beginning whose cells another sequence may share. */
    private int shared;

    /** Whether tokens were moved whose keys the next computation has to rotate. */
    private boolean moving;

    Sequence(
            int id,
            MemorySegment memory,
            @Nullable MemorySegment follower,
            int window,
            boolean isRecurrent) {
        this.id = id;
        this.memory = memory;
        this.follower = follower;
        this.window = window;
        this.isRecurrent = isRecurrent;
    }

    /** Whether the last tokens can be forgotten as if they had never been computed. */
    boolean canForget() {
        return window == 0 && !isRecurrent;
    }

    /** The id in llama.cpp ({@code llama_seq_id}). */
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

    /** Whether the KV cache holds embeddings of images or sounds. */
    public boolean holdsMedia() {
        return MediaPiece.isIn(tokens, used);
    }

    /** Number of tokens at the beginning of a prompt that the KV cache already holds. */
    public int commonPrefix(int[] prompt) {
        int mismatch = Arrays.mismatch(tokens, 0, used, prompt, 0, prompt.length);
        return mismatch < 0 ? used : mismatch;
    }

    /**
     * Forgets all tokens but the first ones; of an image, all or nothing.
     *
     * @return how many are left: at most {@code keep}, or 0 if the memory can't forget a part, as
     *     in a recurrent model all but guesses, or in layers with a sliding window that have
     *     already forgotten the positions before it
     */
    int keep(int most) {
        int keep = most;
        while (keep > 0 && keep < used && MediaPiece.isInside(tokens[keep])) {
            keep--;
        }
        if (holds(keep)) {
            return used;
        }
        // llama.cpp also goes back to states of a recurrent model that it has overwritten since.
        boolean canGoBack = !isRecurrent || keep == used;
        guesses = 0;
        if (keep > 0
                && canGoBack
                && llama_h.llama_memory_seq_rm(memory, id, keep, -1)
                && seesBack(keep)) {
            used = keep;
            shared = Math.min(shared, used);
        } else {
            clear();
        }
        return used;
    }

    /** Whether the KV cache holds so many tokens, and nothing else. */
    boolean holds(int count) {
        return count == used && guesses == 0;
    }

    /**
     * Whether the memory still holds all positions that a token at this position would look back
     * to. A recurrent state has not forgotten anything, or llama_memory_seq_rm has failed.
     */
    private boolean seesBack(int position) {
        // -1 if layers with a window hold nothing any more.
        int oldest = llama_h.llama_memory_seq_pos_min(memory, id);
        return window == 0
                || isRecurrent
                || oldest >= 0 && oldest <= Math.max(0, position - window);
    }

    /** Forgets everything. */
    public void clear() {
        llama_h.llama_memory_seq_rm(memory, id, -1, -1);
        forgetFollower();
        used = 0;
        guesses = 0;
        shared = 0;
        moving = false;
    }

    /** What it does not hold makes no difference but for how good drafts are. */
    private void forgetFollower() {
        if (follower != null) {
            llama_h.llama_memory_seq_rm(follower, id, -1, -1);
        }
    }

    /**
     * Finds tokens that a prompt leaves out: those after the common beginning without which the
     * rest of this sequence continues like the prompt.
     *
     * @return their number; 0 if there are none, or hardly any tokens after them
     */
    int leftOut(int[] prompt) {
        if (holdsMedia()) {
            return 0;
        }
        int prefix = commonPrefix(prompt);
        int overlap = overlap(tokens, prefix, used, prompt, prefix);
        return overlap < LEAST_SHIFTED ? 0 : used - prefix - overlap;
    }

    /**
     * The length of the longest suffix of {@code a[fromA, toA)} that {@code b[fromB, …)} begins
     * with: the state of a Knuth-Morris-Pratt automaton for {@code b} after {@code a}.
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

    /**
     * Whether {@link #remove} is possible without computing the following tokens again. llama.cpp
     * would also shift a recurrent state, but only in name: it remembers what was removed.
     */
    public boolean canShift() {
        return !isRecurrent && llama_h.llama_memory_can_shift(memory);
    }

    /**
     * Forgets tokens in the middle, and moves the following ones to their positions; the influence
     * of the forgotten tokens on them remains.
     *
     * @return whether that was possible; if not, nothing has changed. A cell has one position for
     *     all sequences that share it, so shared cells are not moved; nor are images
     */
    public boolean remove(int from, int to) {
        if (to < shared
                || holdsMedia()
                || !canShift()
                || !llama_h.llama_memory_seq_rm(memory, id, from, to)) {
            return false;
        }
        llama_h.llama_memory_seq_add(memory, id, to, -1, from - to);
        forgetFollower();
        System.arraycopy(tokens, to, tokens, from, used - to);
        moving |= to < used;
        used -= to - from;
        shared = Math.min(shared, from);
        return true;
    }

    /** Copies another sequence of the same context by sharing its cells of the KV cache. */
    public void copy(Sequence other) {
        clear();
        other.keep(other.used);
        llama_h.llama_memory_seq_cp(memory, other.id, id, -1, -1);
        if (follower != null) {
            llama_h.llama_memory_seq_cp(follower, other.id, id, -1, -1);
        }
        tokens = other.tokens.clone();
        used = other.used;
        shared = used;
        other.shared = used;
        moving = other.moving;
    }

    /** Notes that no other sequence exists any more. */
    void unshare() {
        shared = 0;
    }

    /** Whether llama.cpp still has to finish a {@link #remove}. */
    public boolean isMoving() {
        return moving;
    }

    /**
     * Notes whether a computation has finished the move. If it failed, some layers have moved and
     * some have not, so that the sequence is useless and cleared.
     */
    void moved(boolean isDone) {
        if (moving && !isDone) {
            clear();
        }
        moving = false;
    }

    /** Appends tokens that have been computed. */
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

    /** Adopts the number of tokens in memory after a computation. */
    public void truncate() {
        int media = used;
        while (media > 0 && !MediaPiece.isMedia(tokens[media - 1])) {
            media--;
        }
        // With M-RoPE the position of an image in memory is that of its first embedding.
        used = Math.min(used, Math.max(media, llama_h.llama_memory_seq_pos_max(memory, id) + 1));
    }

    /**
     * Adopts what a computation that ended early has left in memory.
     *
     * @param before number of tokens that it came after
     */
    void endedEarly(int before) {
        if (isRecurrent) {
            // Layers that were computed have the state after its tokens, the rest that before them.
            rollBack(before);
        } else {
            truncate();
        }
    }

    /** Removes all tokens of a failed computation, or all tokens if that is impossible. */
    void rollBack(int before) {
        // Some layers of a recurrent model may have a new state, and others not.
        boolean canGoBack = !isRecurrent || llama_h.llama_memory_seq_pos_max(memory, id) < before;
        if (canGoBack && llama_h.llama_memory_seq_rm(memory, id, before, -1) && seesBack(before)) {
            used = before;
            guesses = 0;
            shared = Math.min(shared, used);
        } else {
            clear();
        }
    }
}
