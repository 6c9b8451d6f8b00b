package io.github.bigllama.internal.load;

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
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A model without its weights: llama.cpp pretends to create contexts and counts the memory that
 * they would take ({@code no_alloc}). For one thread at a time.
 */
public final class ModelDryRun implements AutoCloseable {
    /** Context sizes are multiples of this number of tokens, to which llama.cpp rounds up. */
    private static final int CONTEXT_STEP = 256;

    /**
     * llama.cpp allocates some 60 bytes per position of a context even if it only counts. So no
     * larger contexts are counted; the memory of larger ones is extrapolated.
     */
    private static final int COUNTED_CONTEXT = 1 << 20;

    /** llama.cpp says nowhere else how many steps a computation has. */
    private static final Pattern STEPS = Pattern.compile("graph: nodes = (\\d{1,9})");

    private final Path path;
    private final NativeHandle handle;
    private final boolean drafts;

    /**
     * Reads the header.
     *
     * @param options with {@link ModelOptions#mtp()}, sessions draft by the model's own layers
     * @param path a file whose headers have been checked; its data is not read
     * @throws ModelLoadException if llama.cpp refuses it
     */
    public ModelDryRun(Path path, ModelOptions options) {
        this.path = path;
        drafts = options.mtp();
        handle = NativeLoad.withoutWeights(path, options);
    }

    public Path path() {
        return path;
    }

    /** The context size that the model was trained with, in tokens. */
    public int trainedContextSize() {
        return llama_h.llama_model_n_ctx_train(handle.pointer());
    }

    /** Number of weights. */
    public long parameterCount() {
        return llama_h.llama_model_n_params(handle.pointer());
    }

    /**
     * The memory that a session would take.
     *
     * @param options with a definite context size and micro-batch
     * @throws SessionException if llama.cpp can't create one with any amount of memory
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

    /** Number of steps, in which threads wait for each other, of the computation of a token. */
    public int steps() {
        SessionOptions smallest =
                SessionOptions.defaults().withContextSize(CONTEXT_STEP).withBatchSizes(1, 1);
        int[] steps = {0};
        count(
                smallest,
                line -> {
                    Matcher matcher = STEPS.matcher(line);
                    if (matcher.find()) {
                        steps[0] = Integer.parseInt(matcher.group(1));
                    }
                });
        return steps[0];
    }

    private ContextMemory count(SessionOptions options) {
        return count(options, line -> {});
    }

    private ContextMemory count(SessionOptions options, Consumer<String> log) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = ContextParams.of(options, arena);
            llama_context_params.n_batch(params, options.batchSize());
            llama_context_params.n_ubatch(params, options.microBatchSize());
            llama_context_params.n_rs_seq(params, drafts ? MtpLayers.MOST : 0);
            ContextMemory memory = count(options, params, log);
            return drafts
                    ? memory.plus(
                            count(
                                    options,
                                    ContextParams.mtp(options, options.batchSize(), arena),
                                    log))
                    : memory;
        }
    }

    private ContextMemory count(
            SessionOptions options, MemorySegment params, Consumer<String> log) {
        LlamaLog.Result<MemorySegment> created =
                LlamaLog.collect(
                        () -> llama_h.llama_init_from_model(handle.pointer(), params), log);
        if (created.value().equals(MemorySegment.NULL)) {
            throw new SessionException(
                    "could not predict the memory of a session of " + path + " with " + options,
                    created.log());
        }
        ContextMemory memory = ContextSizes.of(created);
        llama_h.llama_free(created.value());
        return memory;
    }

    /**
     * The largest context, up to that of the options, whose session takes at most some bytes; 0 if
     * none does.
     *
     * @param options with a definite context size and micro-batch
     */
    public int largestContext(SessionOptions options, long bytes) {
        if (memory(options).total() <= bytes) {
            return options.contextSize();
        }
        // In steps: the largest number known to fit, and the smallest known not to.
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
