package io.github.bigllama.core.option;

import java.util.Objects;
import java.util.function.Consumer;

/**
 * How texts become vectors.
 *
 * @param pooling how the vectors of a text's tokens become one vector
 * @param normalize whether vectors have the length 1, so that the dot product of two is their
 *     cosine; else they are as the model computes them
 * @param prefix what is put before each text, such as the instruction that the model was trained
 *     with ({@code "query: "}); usually empty. The names of control tokens in it are plain text
 * @param truncate whether a text that is too long is cut at its end; otherwise {@link
 *     io.github.bigllama.core.exception.PromptTooLongException} is thrown
 * @param batchSize most tokens that are computed in one pass over the weights ({@code n_ubatch},
 *     and {@code n_batch} with it), shared by as many texts as fit; also the most tokens of a text.
 *     {@link #AUTO_BATCH} for what the model was trained with, but at most {@value
 *     #MAX_AUTO_BATCH}, or a quarter of that for a model that writes texts; less where weights are
 *     read from disk and RAM is short
 * @param threads number of threads that compute; 0 for one per physical core, divided among
 *     whatever computes at the same time
 */
public record EmbeddingOptions(
        Pooling pooling,
        boolean normalize,
        String prefix,
        boolean truncate,
        int batchSize,
        int threads) {
    /** The batch size is chosen when the embedder is opened. */
    public static final int AUTO_BATCH = 0;

    /** The largest batch that is chosen, in tokens; buffers grow with its square. */
    public static final int MAX_AUTO_BATCH = 2048;

    private static final EmbeddingOptions DEFAULTS =
            new EmbeddingOptions(Pooling.MODEL, true, "", false, AUTO_BATCH, 0);

    public EmbeddingOptions {
        Objects.requireNonNull(pooling, "pooling");
        Objects.requireNonNull(prefix, "prefix");
        requireSizes(batchSize, threads);
    }

    static void requireSizes(int batchSize, int threads) {
        if (batchSize < 0) {
            throw new IllegalArgumentException("batchSize is " + batchSize + ", must be 0 or more");
        }
        if (threads < 0 || threads > SessionOptions.MAX_THREADS) {
            throw new IllegalArgumentException(
                    "threads is " + threads + ", must be 0 to " + SessionOptions.MAX_THREADS);
        }
    }

    /** The model's pooling, vectors of length 1, no prefix, texts that are too long refused. */
    public static EmbeddingOptions defaults() {
        return DEFAULTS;
    }

    public EmbeddingOptions withPooling(Pooling value) {
        return with(draft -> draft.pooling = value);
    }

    public EmbeddingOptions withNormalize(boolean value) {
        return with(draft -> draft.normalize = value);
    }

    public EmbeddingOptions withPrefix(String value) {
        return with(draft -> draft.prefix = value);
    }

    public EmbeddingOptions withTruncate(boolean value) {
        return with(draft -> draft.truncate = value);
    }

    public EmbeddingOptions withBatchSize(int value) {
        return with(draft -> draft.batchSize = value);
    }

    public EmbeddingOptions withThreads(int value) {
        return with(draft -> draft.threads = value);
    }

    private EmbeddingOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.options();
    }

    /** The components while some of them are replaced. */
    private static final class Draft {
        private Pooling pooling;
        private boolean normalize;
        private String prefix;
        private boolean truncate;
        private int batchSize;
        private int threads;

        Draft(EmbeddingOptions options) {
            pooling = options.pooling;
            normalize = options.normalize;
            prefix = options.prefix;
            truncate = options.truncate;
            batchSize = options.batchSize;
            threads = options.threads;
        }

        EmbeddingOptions options() {
            return new EmbeddingOptions(pooling, normalize, prefix, truncate, batchSize, threads);
        }
    }
}
