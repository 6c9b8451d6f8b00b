package io.github.bigllama.core;

import io.github.bigllama.core.exception.DecodeException;
import java.util.Iterator;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/**
 * An answer, piece by piece, as it is asked for: a token is computed when the piece after it is
 * pulled, never ahead. Pieces are whole characters; several tokens may make one piece.
 *
 * <p>Can be read once, as an {@link Iterator}, in a for loop, or as a {@link #stream()}. Ends by
 * itself for one of the {@link StopReason}s, or by {@link #close()}. {@link #cancel()} and {@link
 * #close()} may be called from any thread, and interrupting the thread that reads ends the answer
 * as well; for the rest the rules of {@link LlamaSession} hold. A computation that fails throws
 * {@link DecodeException} and ends the stream.
 */
public interface TokenStream extends Iterator<String>, Iterable<String>, AutoCloseable {
    /** Computes until there is a piece or the end. Asking twice computes nothing twice. */
    @Override
    boolean hasNext();

    /** This: the pieces can be read once. */
    @Override
    default Iterator<String> iterator() {
        return this;
    }

    /** The pieces as a sequential stream; closing it closes this. */
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
     * Ends the answer as soon as possible, also in the middle of a prompt: the pull that is under
     * way returns what is complete. Callable from any thread; nothing happens after the end.
     */
    void cancel();

    /** Why it ended; empty while it goes on, and after a failure. */
    Optional<StopReason> stopReason();

    /** The ids of the tokens generated so far, the end-of-generation token not included. */
    int[] tokens();

    /** What has been done so far. */
    GenerationStats stats();

    /**
     * Ends the answer here, if it has not ended: the session is free afterwards. Idempotent, and
     * callable from any thread: where another is computing the next piece, that is cancelled, and
     * waited for; the thread that asked for it gets what is complete.
     */
    @Override
    void close();
}
