package io.github.bigllama.core.eval;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.engine.Logprobs;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;
import java.util.function.DoublePredicate;
import java.util.stream.IntStream;

/** Computes a text with a model, chunk by chunk. Only the logits of one batch are in memory. */
final class ChunkRun implements AutoCloseable {
    /**
     * Most tokens whose logits are kept at a time: with a large vocabulary, more would take
     * gigabytes.
     */
    private static final int MOST_OUTPUTS = 512;

    private static final int LEAST_CONTEXT = 4;

    private final LlamaSession session;
    private final int[] tokens;
    private final int contextSize;
    private final int chunks;
    private final int batchSize;

    /**
     * Opens a session for the run.
     *
     * @throws IllegalArgumentException if the text is too short
     */
    ChunkRun(LlamaModel model, int[] tokens, SessionOptions options, int mostChunks) {
        if (mostChunks < 0) {
            throw new IllegalArgumentException(
                    "mostChunks is " + mostChunks + ", must be 0 or " + "more");
        }
        contextSize = options.contextSize();
        this.tokens = tokens.clone();
        if (contextSize < LEAST_CONTEXT) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "contextSize is %d, must be at least %d to measure predictions",
                            contextSize,
                            LEAST_CONTEXT));
        }
        int all = tokens.length / contextSize;
        chunks = mostChunks == 0 ? all : Math.min(mostChunks, all);
        batchSize = Math.min(MOST_OUTPUTS, contextSize);
        session =
                model.newSession(
                        options.withBatchSizes(batchSize, batchSize)
                                .withSequences(1)
                                .withOutputs(batchSize));
        if (tokens.length < 2 * contextSize) {
            session.close();
            throw tooShort();
        }
    }

    private IllegalArgumentException tooShort() {
        return new IllegalArgumentException(
                String.format(
                        Locale.ROOT,
                        "the text has %d tokens; chunks of %d tokens need at least %d: give a longer text%s",
                        tokens.length,
                        contextSize,
                        2 * contextSize,
                        tokens.length < 2 * LEAST_CONTEXT
                                ? ""
                                : String.format(
                                        Locale.ROOT,
                                        ", or a context of %d to %d",
                                        LEAST_CONTEXT,
                                        tokens.length / 2)));
    }

    int chunks() {
        return chunks;
    }

    int contextSize() {
        return contextSize;
    }

    /**
     * What the model predicted for some tokens.
     *
     * @param logits of the tokens before each
     * @param targets the tokens that the text has there
     */
    record Rows(List<float[]> logits, int[] targets) {
        /** -ln p of each token. */
        double[] losses() {
            double[] losses = new double[targets.length];
            IntStream.range(0, targets.length)
                    .parallel()
                    .forEach(
                            i -> {
                                float[] row = logits.get(i);
                                losses[i] = Logprobs.logOfSum(row) - row[targets[i]];
                            });
            return losses;
        }
    }

    /**
     * Computes all chunks.
     *
     * @throws CancellationException if the progress callback cancelled it
     */
    void forEach(DoublePredicate progress, Consumer<Rows> visitor) {
        int batches = (contextSize + batchSize - 1) / batchSize;
        for (int chunk = 0; chunk < chunks; chunk++) {
            for (int batch = 0; batch < batches; batch++) {
                if (!progress.test((chunk + (double) batch / batches) / chunks)) {
                    throw new CancellationException("cancelled");
                }
                Rows rows = compute(chunk, batch);
                if (rows.targets.length > 0) {
                    visitor.accept(rows);
                }
            }
        }
        progress.test(1);
    }

    /** Computes a batch; batch 0 begins a chunk. */
    Rows compute(int chunk, int batch) {
        int start = chunk * contextSize;
        int[] text = Arrays.copyOfRange(tokens, start, start + contextSize);
        int from = batch * batchSize;
        int count = Math.min(batchSize, contextSize - from);
        if (batch == 0) {
            session.reset();
            // As in llama-perplexity, it replaces the first token, so that a chunk still fills a
            // context.
            if (session.model().tokenizer().addsBeginOfSequence()) {
                text[0] = session.model().tokenizer().beginOfSequence().orElse(text[0]);
            }
        }
        // The last token of a chunk predicts the first of the next.
        int first = Math.clamp(contextSize / 2 - from, 0, count);
        int last = Math.min(count, contextSize - 1 - from);
        session.decode(Arrays.copyOfRange(text, from, from + count), first);
        int vocabulary = session.model().vocabularySize();
        int size = Math.max(0, last - first);
        int[] targets = Arrays.copyOfRange(text, from + first + 1, from + first + 1 + size);
        return new Rows(
                IntStream.range(0, size)
                        .mapToObj(i -> copy(session.logits(first + i), vocabulary))
                        .toList(),
                targets);
    }

    int batches() {
        return (contextSize + batchSize - 1) / batchSize;
    }

    private static float[] copy(MemorySegment logits, int vocabulary) {
        float[] row = new float[vocabulary];
        MemorySegment.ofArray(row).copyFrom(logits);
        return row;
    }

    @Override
    public void close() {
        session.close();
    }
}
