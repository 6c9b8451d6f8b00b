package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.system.CpuTopology;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Options of a session as llama.cpp takes them. */
public final class ContextParams {
    private ContextParams() {}

    /** What llama.cpp is told of a session, but for its batches. */
    public static MemorySegment of(SessionOptions options, Arena arena) {
        int threads = options.threads() == 0 ? CpuTopology.physicalCores() : options.threads();
        MemorySegment params = llama_h.llama_context_default_params(arena);
        llama_context_params.n_ctx(params, options.contextSize());
        llama_context_params.n_seq_max(params, options.sequences());
        // So that a sequence may be as long as the context, and a copy of one costs nothing.
        llama_context_params.kv_unified(params, options.sequences() > 1);
        // As llama.cpp's own programs have it: such a layer keeps what it can still look at.
        llama_context_params.swa_full(params, false);
        // Only the last token of a batch has logits; room for one in every position would be
        // hundreds of megabytes with a large vocabulary. Embeddings are given for every token.
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
        // That of a token, whatever the model makes of whole texts.
        llama_context_params.pooling_type(params, llama_h.LLAMA_POOLING_TYPE_NONE());
        return params;
    }
}
