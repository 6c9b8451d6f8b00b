package io.github.bigllama.core.option;

import io.github.bigllama.core.LlamaSession;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * The shape of a session: its context, batches, threads and KV cache.
 *
 * @param contextSize size of the context, in tokens; 0 for the size that the model was trained
 *     with, {@link #AUTO_CONTEXT} for the largest that leaves room for the weights
 * @param batchSize most tokens given to one {@code llama_decode} ({@code n_batch})
 * @param microBatchSize most tokens computed in one pass over the weights ({@code n_ubatch}); at
 *     most {@code batchSize}. {@link #AUTO_MICRO_BATCH} for 512, or more where weights are read
 *     from disk and RAM allows it
 * @param threads number of threads that compute generated tokens; 0 for one per physical core,
 *     divided among whatever computes at the same time
 * @param batchThreads number of threads that compute prompts; 0 for the same as {@code threads}
 * @param keyType type of the keys in the KV cache
 * @param valueType type of the values in the KV cache
 * @param flashAttention whether to use the fused attention kernel
 * @param sequences most sequences that the KV cache holds at the same time, 1 to {@value
 *     #MAX_SEQUENCES}; they share {@code contextSize}. With more than one, sessions that are opened
 *     with equal options are sequences of one context, which computes them together
 * @param embeddings whether {@link LlamaSession#embedding()} is available
 * @param outputs most tokens of a batch that have logits ({@code n_outputs_max}), see {@link
 *     LlamaSession#decode(int[], int)}; 0 for the last token of each sequence
 * @param speculation how tokens are drafted before they are computed. A model with a recurrent
 *     state can't go back to before a wrong token, unless it drafts by its own layers ({@link
 *     Speculation#MTP})
 */
public record SessionOptions(
        int contextSize,
        int batchSize,
        int microBatchSize,
        int threads,
        int batchThreads,
        KvType keyType,
        KvType valueType,
        FlashAttention flashAttention,
        int sequences,
        boolean embeddings,
        int outputs,
        Speculation speculation) {
    /** The micro-batch is chosen when the session is opened. */
    public static final int AUTO_MICRO_BATCH = 0;

    /**
     * The largest context, up to that of the model, that leaves room for the weights: enough for
     * all of them, or if they would not fit anyway, seven eighths of the RAM.
     */
    public static final int AUTO_CONTEXT = -1;

    /** {@code LLAMA_MAX_SEQ} of llama.cpp. */
    public static final int MAX_SEQUENCES = 256;

    /** {@code GGML_MAX_N_THREADS} of llama.cpp. */
    public static final int MAX_THREADS = 512;

    private static final SessionOptions DEFAULTS =
            new SessionOptions(
                    AUTO_CONTEXT,
                    2048,
                    AUTO_MICRO_BATCH,
                    0,
                    0,
                    KvType.F16,
                    KvType.F16,
                    FlashAttention.AUTO,
                    1,
                    false,
                    0,
                    Speculation.AUTO);

    public SessionOptions {
        requireRange("contextSize", contextSize, AUTO_CONTEXT, Integer.MAX_VALUE);
        requireRange("batchSize", batchSize, 1, Integer.MAX_VALUE);
        requireRange("microBatchSize", microBatchSize, 0, batchSize);
        requireRange("threads", threads, 0, MAX_THREADS);
        requireRange("batchThreads", batchThreads, 0, MAX_THREADS);
        Objects.requireNonNull(keyType, "keyType");
        Objects.requireNonNull(valueType, "valueType");
        Objects.requireNonNull(flashAttention, "flashAttention");
        requireRange("sequences", sequences, 1, MAX_SEQUENCES);
        requireRange("outputs", outputs, 0, batchSize);
        Objects.requireNonNull(speculation, "speculation");
        if (flashAttention == FlashAttention.DISABLED && valueType.isQuantized()) {
            throw new IllegalArgumentException(
                    "valueType is "
                            + valueType
                            + ", which needs flash attention (-fa); leave it on, or take F16");
        }
        if (contextSize > 0 && contextSize < sequences) {
            throw new IllegalArgumentException(
                    "contextSize is "
                            + contextSize
                            + ", must be at least one token for each of "
                            + sequences
                            + " sequences");
        }
    }

    /**
     * The largest context that leaves room for the weights, llama.cpp's batch sizes, one thread per
     * physical core, an F16 cache.
     */
    public static SessionOptions defaults() {
        return DEFAULTS;
    }

    public SessionOptions withContextSize(int value) {
        return with(draft -> draft.contextSize = value);
    }

    /** Sets both sizes; a smaller batch makes cancelling and progress finer. */
    public SessionOptions withBatchSizes(int batch, int microBatch) {
        return with(
                draft -> {
                    draft.batchSize = batch;
                    draft.microBatchSize = microBatch;
                });
    }

    /** Sets the threads for generating and for prompts. */
    public SessionOptions withThreads(int generating, int batch) {
        return with(
                draft -> {
                    draft.threads = generating;
                    draft.batchThreads = batch;
                });
    }

    public SessionOptions withKvTypes(KvType keys, KvType values) {
        return with(
                draft -> {
                    draft.keyType = keys;
                    draft.valueType = values;
                });
    }

    public SessionOptions withFlashAttention(FlashAttention value) {
        return with(draft -> draft.flashAttention = value);
    }

    /**
     * Sets the number of sessions and forks that share a context. Its size is for all of them: give
     * it as many times the tokens of one. Opening one more than that is an error.
     */
    public SessionOptions withSequences(int value) {
        return with(draft -> draft.sequences = value);
    }

    public SessionOptions withEmbeddings(boolean value) {
        return with(draft -> draft.embeddings = value);
    }

    public SessionOptions withOutputs(int value) {
        return with(draft -> draft.outputs = value);
    }

    public SessionOptions withSpeculation(Speculation value) {
        return with(draft -> draft.speculation = value);
    }

    private static void requireRange(String name, int value, int min, int max) {
        if (value < min || value > max) {
            throw new IllegalArgumentException(
                    name + " is " + value + ", must be " + min + " to " + max);
        }
    }

    private SessionOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.options();
    }

    /** The components while some of them are replaced. */
    private static final class Draft {
        private int contextSize;
        private int batchSize;
        private int microBatchSize;
        private int threads;
        private int batchThreads;
        private KvType keyType;
        private KvType valueType;
        private FlashAttention flashAttention;
        private int sequences;
        private boolean embeddings;
        private int outputs;
        private Speculation speculation;

        Draft(SessionOptions options) {
            contextSize = options.contextSize;
            batchSize = options.batchSize;
            microBatchSize = options.microBatchSize;
            threads = options.threads;
            batchThreads = options.batchThreads;
            keyType = options.keyType;
            valueType = options.valueType;
            flashAttention = options.flashAttention;
            sequences = options.sequences;
            embeddings = options.embeddings;
            outputs = options.outputs;
            speculation = options.speculation;
        }

        SessionOptions options() {
            return new SessionOptions(
                    contextSize,
                    batchSize,
                    microBatchSize,
                    threads,
                    batchThreads,
                    keyType,
                    valueType,
                    flashAttention,
                    sequences,
                    embeddings,
                    outputs,
                    speculation);
        }
    }
}
