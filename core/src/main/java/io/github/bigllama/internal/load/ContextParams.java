package io.github.bigllama.internal.load;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.system.CpuTopology;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Converts the options of a session to llama.cpp's. */
public final class ContextParams {
    private ContextParams() {}

    /** The largest micro-batch of layers that predict further tokens, which are always in RAM. */
    private static final int MTP_BATCH = 128;

    /**
     * The parameters of a context for the layers that predict further tokens (MTP).
     *
     * @param options those of the context that they follow
     * @param batch the batch size of that context
     */
    public static MemorySegment mtp(SessionOptions options, int batch, Arena arena) {
        MemorySegment params = of(options.withOutputs(0), arena);
        llama_context_params.ctx_type(params, llama_h.LLAMA_CONTEXT_TYPE_MTP());
        llama_context_params.n_batch(params, batch);
        llama_context_params.n_ubatch(params, Math.min(batch, MTP_BATCH));
        llama_context_params.embeddings(params, false);
        return params;
    }

    /** The parameters of a context, except the sizes of its batches. */
    public static MemorySegment of(SessionOptions options, Arena arena) {
        int threads = options.threads() == 0 ? CpuTopology.physicalCores() : options.threads();
        MemorySegment params = llama_h.llama_context_default_params(arena);
        llama_context_params.n_ctx(params, options.contextSize());
        llama_context_params.n_seq_max(params, options.sequences());
        // With one cache for all, a sequence may be as long as the context, and copying one costs
        // nothing.
        llama_context_params.kv_unified(params, options.sequences() > 1);
        // As in llama.cpp's own programs, layers with a window keep only the positions that they
        // can still see.
        llama_context_params.swa_full(params, false);
        // Only the last token of a batch has logits; room for logits in every position would take
        // hundreds of megabytes with a large vocabulary. Embeddings are computed for every token.
        llama_context_params.n_outputs_max(
                params,
                options.embeddings() ? 0 : Math.max(options.sequences(), options.outputs()));
        llama_context_params.n_threads(params, threads);
        llama_context_params.n_threads_batch(
                params, options.batchThreads() == 0 ? threads : options.batchThreads());
        llama_context_params.type_k(params, options.keyType().value());
        llama_context_params.type_v(params, options.valueType().value());
        llama_context_params.flash_attn_type(params, options.flashAttention().value());
        llama_context_params.embeddings(params, options.embeddings());
        // The embedding of each token, even if the model pools those of a text.
        llama_context_params.pooling_type(params, llama_h.LLAMA_POOLING_TYPE_NONE());
        return params;
    }
}
