package io.github.bigllama.core.option;

/**
 * How documents are scored.
 *
 * @param truncate whether a document that is too long is cut at its end; otherwise {@link
 *     io.github.bigllama.core.exception.PromptTooLongException} is thrown
 * @param batchSize most tokens that are computed in one pass over the weights ({@code n_ubatch},
 *     and {@code n_batch} with it), shared by as many pairs of the query and a document as fit;
 *     also the most tokens of a pair. {@link #AUTO_BATCH} for what the model was trained with, but
 *     at most {@value EmbeddingOptions#MAX_AUTO_BATCH}, or a quarter of that for a model that
 *     writes texts; less where weights are read from disk and RAM is short
 * @param threads number of threads that compute; 0 for one per physical core, divided among
 *     whatever computes at the same time
 */
public record RerankingOptions(boolean truncate, int batchSize, int threads) {
    /** The batch size is chosen when the reranker is opened. */
    public static final int AUTO_BATCH = EmbeddingOptions.AUTO_BATCH;

    private static final RerankingOptions DEFAULTS = new RerankingOptions(false, AUTO_BATCH, 0);

    public RerankingOptions {
        EmbeddingOptions.requireSizes(batchSize, threads);
    }

    /** Documents that are too long are refused; the batch size is chosen. */
    public static RerankingOptions defaults() {
        return DEFAULTS;
    }

    public RerankingOptions withTruncate(boolean value) {
        return new RerankingOptions(value, batchSize, threads);
    }

    public RerankingOptions withBatchSize(int value) {
        return new RerankingOptions(truncate, value, threads);
    }

    public RerankingOptions withThreads(int value) {
        return new RerankingOptions(truncate, batchSize, value);
    }
}
