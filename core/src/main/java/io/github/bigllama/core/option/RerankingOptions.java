package io.github.bigllama.core.option;

/**
 * How documents are scored.
 *
 * @param truncate whether a document that is too long loses its end; else it is refused
 * @param batchSize most tokens computed in one pass over the weights, as many pairs of the query
 *     and a document as fit; also the most tokens of a pair. {@link EmbeddingOptions#AUTO_BATCH}
 *     for the size that an embedder would choose
 * @param threads number of threads that compute; 0 for one per physical core, divided among
 *     whatever computes at the same time
 */
public record RerankingOptions(boolean truncate, int batchSize, int threads) {
    private static final RerankingOptions DEFAULTS =
            new RerankingOptions(false, EmbeddingOptions.AUTO_BATCH, 0);

    public RerankingOptions {
        EmbeddingOptions.requireSizes(batchSize, threads);
    }

    /** Too long documents refused, the batch size chosen. */
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
