package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.load.ContextSizes;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * How a {@code llama_context} is created: with the micro-batch of the options, or with the largest
 * that leaves room for weights.
 *
 * @param noun what the context is for, in messages
 * @param params {@code llama_context_params}, whose batch sizes are set here
 * @param paging null if all weights fit into RAM
 * @param most the micro-batch to begin with, if the options leave it open
 */
record ContextInit(
        String noun,
        MemorySegment model,
        SessionOptions options,
        MemorySegment params,
        @Nullable Paging paging,
        int most) {

    /**
     * Creates the context, which the caller owns, and reserves RAM for its buffers.
     *
     * @throws SessionException if llama.cpp can't create it, or weights would have too little RAM
     */
    MemorySegment create() {
        boolean isFree = options.microBatchSize() == SessionOptions.AUTO_MICRO_BATCH;
        int microBatch = isFree ? most : options.microBatchSize();
        LlamaLog.Result<MemorySegment> created = create(microBatch);
        if (paging != null && isFree && !isNull(created)) {
            int affordable =
                    paging.affordableBatch(microBatch, ContextSizes.of(created).computeBuffers());
            if (affordable < microBatch) {
                llama_h.llama_free(created.value());
                created = create(affordable);
            }
        }
        if (isNull(created)) {
            throw new SessionException(
                    String.format(
                            Locale.ROOT,
                            "could not create a %s with a context of %d tokens and KV types %s and %s%s",
                            noun,
                            options.contextSize(),
                            options.keyType(),
                            options.valueType(),
                            created.log().isEmpty() ? "; try a smaller context" : ""),
                    created.log());
        }
        if (paging != null) {
            reserve(paging, created);
        }
        return created.value();
    }

    private LlamaLog.Result<MemorySegment> create(int microBatch) {
        // A batch is computed in one pass over the weights if passes are expensive.
        llama_context_params.n_batch(params, paging == null ? options.batchSize() : microBatch);
        llama_context_params.n_ubatch(params, microBatch);
        return LlamaLog.collect(() -> llama_h.llama_init_from_model(model, params));
    }

    private void reserve(Paging of, LlamaLog.Result<MemorySegment> created) {
        try {
            of.reserved(created.value(), 0);
        } catch (InsufficientRamException e) {
            llama_h.llama_free(created.value());
            throw new SessionException(noun + ": " + e.getMessage(), List.of());
        }
    }

    private static boolean isNull(LlamaLog.Result<MemorySegment> created) {
        return created.value().equals(MemorySegment.NULL);
    }
}
