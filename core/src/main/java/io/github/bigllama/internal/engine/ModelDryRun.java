package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.ContextMemory;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;

/**
 * A model without its weights: llama.cpp goes through the motions of making contexts of it and
 * counts what they would take ({@code no_alloc}). One thread at a time.
 */
public final class ModelDryRun implements AutoCloseable {
    /** Contexts are sought in steps of so many tokens; llama.cpp pads to this itself. */
    private static final int CONTEXT_STEP = 256;

    /**
     * For each position of a context llama.cpp allocates some 60 bytes, even if it only counts. So
     * no more are counted; what a larger context takes grows with it.
     */
    private static final int COUNTED_CONTEXT = 1 << 20;

    private final Path path;
    private final NativeHandle handle;

    /**
     * Reads the header.
     *
     * @param path of a file whose headers have been checked; its data is not read
     * @throws ModelLoadException if llama.cpp refuses it
     */
    public ModelDryRun(Path path, ModelOptions options) {
        this.path = path;
        handle = ModelLoader.loadWithoutWeights(path, options);
    }

    /** Tokens of context that it was trained with. */
    public int trainedContextSize() {
        return llama_h.llama_model_n_ctx_train(handle.pointer());
    }

    /** Number of weights. */
    public long parameterCount() {
        return llama_h.llama_model_n_params(handle.pointer());
    }

    /**
     * What a session would take.
     *
     * @param options with a context size and a micro-batch of a certain size
     * @throws SessionException if llama.cpp can't make one, whatever memory there is
     */
    public ContextMemory memory(SessionOptions options) {
        int context = options.contextSize();
        if (context <= COUNTED_CONTEXT) {
            return count(options);
        }
        ContextMemory half = count(options.withContextSize(COUNTED_CONTEXT / 2));
        ContextMemory all = count(options.withContextSize(COUNTED_CONTEXT));
        double more = (double) (context - COUNTED_CONTEXT) / (COUNTED_CONTEXT / 2);
        return new ContextMemory(
                extended(half.kvCache(), all.kvCache(), more),
                extended(half.computeBuffers(), all.computeBuffers(), more),
                all.outputBuffer());
    }

    private static long extended(long half, long all, double more) {
        return all + (long) (more * (all - half));
    }

    private ContextMemory count(SessionOptions options) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = ContextParams.of(options, arena);
            llama_context_params.n_batch(params, options.batchSize());
            llama_context_params.n_ubatch(params, options.microBatchSize());
            LlamaLog.Result<MemorySegment> created =
                    LlamaLog.collect(() -> llama_h.llama_init_from_model(handle.pointer(), params));
            if (created.value().equals(MemorySegment.NULL)) {
                throw new SessionException(
                        "could not predict the memory of a session of " + path + " with " + options,
                        created.log());
            }
            ContextMemory memory = ContextSizes.of(created);
            llama_h.llama_free(created.value());
            return memory;
        }
    }

    /**
     * The largest context, up to that of the options, whose session takes no more than some bytes;
     * 0 if none does.
     *
     * @param options with a context size and a micro-batch of a certain size
     */
    public int largestContext(SessionOptions options, long bytes) {
        if (memory(options).total() <= bytes) {
            return options.contextSize();
        }
        // In steps: so many fit, and so many do not.
        int fit = 0;
        int tooMany = options.contextSize() / CONTEXT_STEP + 1;
        while (tooMany - fit > 1) {
            int middle = fit + (tooMany - fit) / 2;
            if (memory(options.withContextSize(middle * CONTEXT_STEP)).total() <= bytes) {
                fit = middle;
            } else {
                tooMany = middle;
            }
        }
        return fit * CONTEXT_STEP;
    }

    @Override
    public void close() {
        handle.close();
    }
}
