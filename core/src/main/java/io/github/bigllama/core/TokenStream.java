package io.github.bigllama.core;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.GenerationOptions;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * An answer in pieces of text. Each piece is computed when it is asked for, never ahead. Pieces are
 * whole characters; several tokens may make one piece.
 *
 * <p>It can be read once: as an {@link Iterator}, in a for loop, or as a {@link #stream()}. It ends
 * by itself for one of the {@link StopReason}s, or by {@link #close()}. {@link #cancel()} and
 * {@link #close()} may be called from any thread, and interrupting the thread that reads ends the
 * answer as well; otherwise the rules of {@link LlamaSession} apply.
 *
 * <p>What goes wrong is thrown by {@link #hasNext} and {@link #next}, and ends the stream: {@link
 * DecodeException} for a computation that fails, {@link
 * io.github.bigllama.core.structure.GrammarException} where a grammar allows no token, {@link
 * io.github.bigllama.core.exception.MediaException} for an image or a sound that can't be computed,
 * {@link IllegalStateException} for logits or a token of a processor or sampler in Java that can't
 * be used, and whatever those throw themselves.
 */
public interface TokenStream extends Iterator<String>, Iterable<String>, AutoCloseable {
    /** Computes until there is a piece or the answer ends. Asking again computes nothing new. */
    @Override
    boolean hasNext();

    /** Returns this stream itself: the pieces can be read only once. */
    @Override
    default Iterator<String> iterator() {
        return this;
    }

    /** The pieces as a sequential stream; closing it closes this answer. */
    default Stream<String> stream() {
        int traits = Spliterator.ORDERED | Spliterator.NONNULL;
        return StreamSupport.stream(Spliterators.spliteratorUnknownSize(this, traits), false)
                .onClose(this::close);
    }

    /** Reads to the end and returns the text of all remaining pieces. */
    default String text() {
        StringBuilder pieces = new StringBuilder();
        forEachRemaining(pieces::append);
        return pieces.toString();
    }

    /**
     * Ends the answer as soon as possible, even in the middle of a prompt: a call of {@link #next}
     * that is under way returns the text that is complete. May be called from any thread; does
     * nothing after the end.
     */
    void cancel();

    /** Why the answer ended; empty until then, and after a failure. */
    Optional<StopReason> stopReason();

    /** The ids of the tokens generated so far, the end-of-generation token not included. */
    int[] tokens();

    /**
     * How likely the model found each of the {@link #tokens()}, in the same order. Empty unless
     * {@link GenerationOptions#logprobs()} asks for it.
     */
    List<TokenLogprob> logprobs();

    /** Counts and times of the answer so far. */
    GenerationStats stats();

    /**
     * Ends the answer, if it has not ended, and frees the session for the next one. Idempotent, and
     * may be called from any thread: if another thread is computing the next piece, that is
     * cancelled and waited for, and that thread gets the text that is complete.
     */
    @Override
    void close();
}
