package io.github.bigllama.core.eval;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.option.SessionOptions;
import java.util.Objects;
import java.util.function.DoublePredicate;

/**
 * How well a model predicts a text: the smaller, the better; for a model that knows nothing it is
 * the size of the vocabulary. Computed as by llama-perplexity: the text is cut into chunks as long
 * as the context, the first token of each is replaced by the beginning-of-sequence token if the
 * model wants one, and only the tokens in the second half of a chunk count, so that all have some
 * text before them.
 *
 * @param value the perplexity: e to the power of the mean of -ln p over the tokens that count
 * @param standardError the standard error of the value
 * @param tokens number of tokens that counted
 * @param chunks number of chunks that were computed
 * @param contextSize length of a chunk, in tokens
 */
public record Perplexity(
        double value, double standardError, int tokens, int chunks, int contextSize) {

    /**
     * Computes the perplexity on the calling thread; opens a session meanwhile, and calls {@code
     * progress} before each batch.
     *
     * @param tokens a text, at least two chunks long; llama-perplexity encodes it with the tokens
     *     that the model wants at the beginning, and takes control tokens in it as plain text
     * @param session options of the session; a chunk is as long as the context
     * @param mostChunks the most chunks to compute; 0 for all of the text
     * @param progress is given the part that is done, 0 to 1; returns false to cancel
     * @throws IllegalArgumentException if the text is too short
     * @throws java.util.concurrent.CancellationException if the progress callback cancelled it
     * @throws DecodeException if the model can't compute the text
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
