package io.github.bigllama.internal.engine;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.media.Embeddings;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * Tokens of a lane that are to be computed in one pass: all of them, or as many of the first as
 * there is room for.
 */
final class Request {
    private final Lane lane;
    private final int[] source;
    private final int from;
    private final int count;
    private final int first;
    private final boolean isWhole;

    /** What is computed instead of tokens; null for tokens. */
    private final @Nullable Embeddings embeddings;

    /** Tokens in the KV cache when the request was made. */
    private final int after;

    /** Becomes true when the result is no longer wanted; null if that can't happen. */
    private final @Nullable AtomicBoolean signal;

    private volatile boolean isInterrupted;

    /** Number of tokens that a pass computes. */
    private int share;

    /** Whether the caller has left, and whether the result is known; at most one is true. */
    private boolean isAbandoned;

    private boolean isSettled;

    private int computed;
    private @Nullable Throwable failure;

    /**
     * A request of a lane.
     *
     * @param first index of the first token with logits, from 0; {@code count} for none
     * @param isWhole whether all tokens must be computed in one pass
     */
    Request(Lane lane, int[] source, int from, int count, int first, boolean isWhole) {
        this.lane = lane;
        this.source = source;
        this.from = from;
        this.count = count;
        this.first = first;
        this.isWhole = isWhole;
        this.embeddings = null;
        this.after = lane.sequence().used();
        this.signal = lane.signal();
        this.share = count;
    }

    /**
     * A request for some of the embeddings of an image, which no other request may share a pass
     * with.
     */
    Request(Lane lane, Embeddings embeddings, int from, int count) {
        this.lane = lane;
        this.source = new int[0];
        this.from = from;
        this.count = count;
        this.first = count;
        this.isWhole = false;
        this.embeddings = embeddings;
        this.after = lane.sequence().used();
        this.signal = lane.signal();
        this.share = count;
    }

    Lane lane() {
        return lane;
    }

    @Nullable Embeddings embeddings() {
        return embeddings;
    }

    /** Whether each token or embedding sees only those before it. */
    boolean isCausal() {
        return embeddings == null || embeddings.piece().isCausal();
    }

    Sequence sequence() {
        return lane.sequence();
    }

    int[] source() {
        return source;
    }

    int from() {
        return from;
    }

    /** Whether it is a token of an answer, perhaps with guesses, rather than a part of a prompt. */
    boolean isWhole() {
        return isWhole || count == 1;
    }

    int count() {
        return count;
    }

    /** Number of tokens that the pass computes, and of those that get logits. */
    void share(int tokens) {
        share = tokens;
    }

    int share() {
        return share;
    }

    /** Index of the first token with logits; the last token of a part has some, too. */
    int first() {
        return share < count ? share - 1 : first;
    }

    int outputs() {
        return share - first();
    }

    /** Whether the sequence lost its tokens when a pass of another one failed; then this fails. */
    boolean isLost() {
        if (sequence().used() == after) {
            return false;
        }
        failed(
                new DecodeException(
                        "the tokens of this sequence were lost when a computation of another one failed; begin again",
                        0,
                        List.of()));
        return true;
    }

    boolean isInterruptible() {
        return signal != null;
    }

    void interrupt() {
        isInterrupted = true;
    }

    /** Whether the result is no longer wanted. */
    boolean isCancelled() {
        return isInterrupted || signal != null && signal.get();
    }

    /** Whether the caller may leave: then its tokens are removed at the end of the pass. */
    synchronized boolean abandon() {
        isAbandoned = !isSettled && sequence().canForget();
        return isAbandoned;
    }

    synchronized boolean isAbandoned() {
        return isAbandoned;
    }

    /** Whether the caller still waits, which it does from now on until it has the result. */
    synchronized boolean settle() {
        isSettled = !isAbandoned;
        return isSettled;
    }

    /** Sets the result: the number of tokens that were computed, 0 if it was ended early. */
    void computed(int tokens) {
        computed = tokens;
    }

    void failed(Throwable reason) {
        failure = reason;
    }

    /**
     * Sets the failure of llama.cpp as the result.
     *
     * @param sequences number of sequences of the context
     */
    void failed(LlamaLog.Result<Integer> result, int sequences) {
        String what =
                result.value() == DecodeException.NO_ROOM
                        ? "no room in the KV cache for"
                        : String.format(
                                Locale.ROOT, "llama_decode failed with %d at", result.value());
        String others =
                sequences > 1
                        ? String.format(
                                Locale.ROOT, ", in one of %d sequences that share it", sequences)
                        : "";
        failed(
                new DecodeException(
                        String.format(
                                Locale.ROOT,
                                "%s %d tokens after %d%s",
                                what,
                                share,
                                sequence().used(),
                                others),
                        result.value(),
                        result.log()));
    }

    /** The number of tokens that were computed, 0 if it was ended early; or throws the failure. */
    int result() {
        if (failure instanceof Error error) {
            throw error;
        }
        if (failure != null) {
            throw (RuntimeException) failure;
        }
        return computed;
    }

    boolean hasFailed() {
        return failure != null;
    }
}
