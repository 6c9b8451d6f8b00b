package io.github.bigllama.core.eval;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.SessionOptions;
import java.util.Objects;
import java.util.function.DoublePredicate;

/**
 * How well a model predicts a text: the smaller, the better; for a model that knows nothing it is
 * the size of its vocabulary. As llama-perplexity computes it: the text is cut into chunks of a
 * context, each begins with the token that the model wants at the beginning, and of each chunk the
 * tokens of the second half count, so that all have some text before them.
 *
 * @param value e to the mean of -ln p over the tokens that count
 * @param standardError of the value
 * @param tokens how many tokens counted
 * @param chunks how many chunks were computed
 * @param contextSize tokens in a chunk
 */
public record Perplexity(
        double value, double standardError, int tokens, int chunks, int contextSize) {

    /**
     * Computes it.
     *
     * @param tokens a text, at least two chunks long; llama-perplexity encodes it with the tokens
     *     that the model wants at the beginning, and takes control tokens in it for plain text
     * @param session the context size is that of a chunk
     * @param mostChunks when to stop; 0 for the end of the text
     * @param progress is told how much is done, 0 to 1; returns false to cancel
     * @throws IllegalArgumentException if the text is too short
     * @throws java.util.concurrent.CancellationException if it was cancelled
     * @throws DecodeException if the model can't compute
     */
    public static Perplexity of(
            LlamaModel model,
            int[] tokens,
            SessionOptions session,
            int mostChunks,
            DoublePredicate progress) {
        Objects.requireNonNull(model, "model");
        Objects.requireNonNull(tokens, "tokens");
        Objects.requireNonNull(session, "session");
        Objects.requireNonNull(progress, "progress");
        try (ChunkRun run = new ChunkRun(model, tokens, session, mostChunks)) {
            Moments losses = new Moments();
            run.forEach(progress, rows -> losses.addAll(rows.losses()));
            return of(losses, run);
        }
    }

    /** From the -ln p of all tokens that count. */
    static Perplexity of(Moments losses, ChunkRun run) {
        double value = Math.exp(losses.mean());
        return new Perplexity(
                value,
                value * losses.standardError(),
                losses.count(),
                run.chunks(),
                run.contextSize());
    }
}
