package io.github.bigllama.internal.chat;

import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenLogprob;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.internal.engine.Pulls;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;

/**
 * The answer in a chat: shows the part of the session's text that its reader selects, and tells the
 * chat once when the answer has ended.
 */
public final class ChatAnswer implements TokenStream {
    private final TokenStream source;
    private final Reader reader;
    private final Listener listener;
    private final Pulls pulls = new Pulls();
    private final StringBuilder produced = new StringBuilder();

    /** Empty if there is nothing to show yet. */
    private String piece = "";

    private volatile boolean ended;

    /** Decides which part of an answer is shown. */
    @FunctionalInterface
    public interface Reader {
        /**
         * Reads an answer that has grown.
         *
         * @param text the whole text of the model so far
         * @param isComplete whether the text is complete; then it may be the same as in the last
         *     call
         * @return the part to show that has not been shown yet
         */
        String read(CharSequence text, boolean isComplete);
    }

    /** Is told of the end, on the thread that reached it and outside of the session. */
    @FunctionalInterface
    public interface Listener {
        void ended(TokenStream source, String produced);
    }

    public ChatAnswer(TokenStream source, Reader reader, Listener listener) {
        this.source = source;
        this.reader = reader;
        this.listener = listener;
    }

    @Override
    public boolean hasNext() {
        pulls.begin();
        try {
            while (piece.isEmpty() && !ended) {
                read();
            }
            return !piece.isEmpty();
        } finally {
            pulls.end();
        }
    }

    private void read() {
        if (source.hasNext()) {
            append(source.next());
            piece = reader.read(produced, false);
        }
        if (source.stopReason().isPresent() && !source.hasNext()) {
            end();
        }
    }

    /** Replies are parsed as C strings, which end at a NUL. */
    private void append(String text) {
        produced.append(text.replace('\0', '\uFFFD'));
    }

    @Override
    public String next() {
        pulls.begin();
        try {
            if (!hasNext()) {
                throw new NoSuchElementException(
                        "the answer has ended: "
                                + stopReason().map(StopReason::name).orElse("failed"));
            }
            String taken = piece;
            piece = "";
            return taken;
        } finally {
            pulls.end();
        }
    }

    @Override
    public void cancel() {
        source.cancel();
    }

    @Override
    public Optional<StopReason> stopReason() {
        return source.stopReason();
    }

    @Override
    public int[] tokens() {
        return source.tokens();
    }

    @Override
    public List<TokenLogprob> logprobs() {
        return source.logprobs();
    }

    @Override
    public GenerationStats stats() {
        return source.stats();
    }

    @Override
    public void close() {
        if (ended || !pulls.beginEnd(this::cancel)) {
            return;
        }
        try {
            if (!ended) {
                source.close();
                // Text held back until the end is part of the history, too.
                while (source.hasNext()) {
                    append(source.next());
                }
                end();
            }
        } finally {
            pulls.end();
        }
    }

    private void end() {
        ended = true;
        piece += reader.read(produced, true);
        listener.ended(source, produced.toString());
    }
}
