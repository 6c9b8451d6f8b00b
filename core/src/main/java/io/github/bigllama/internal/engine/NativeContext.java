package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.load.ContextParams;
import io.github.bigllama.internal.load.ContextSizes;
import io.github.bigllama.internal.load.LoadedAdapter;
import io.github.bigllama.internal.load.MemoryFit;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.system.FreeCores;
import io.github.bigllama.internal.threads.AbortSwitch;
import io.github.bigllama.internal.threads.ComputeThreads;
import io.github.bigllama.internal.threads.CoreShare;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleConsumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Owns one {@code llama_context}, the threads that it computes with, and the memory that both refer
 * to. For one thread at a time, except for the {@link AbortSwitch}.
 */
@SuppressWarnings("restricted")
final class NativeContext implements AutoCloseable {
    private final Arena arena = Arena.ofShared();
    private final AbortSwitch abort = new AbortSwitch(arena);
    private final NativeHandle handle;
    private final ComputeThreads threads;

    /** Null if all weights fit into RAM. */
    private final @Nullable Paging paging;

    /** Whether the next computation begins with preparing for other adapters. */
    private boolean isAdapting;

    /**
     * What a context is for.
     *
     * @param noun its name in messages
     * @param pooling of {@code enum llama_pooling_type}
     * @param isWholeMicroBatch whether what belongs together must fit into one micro-batch; then an
     *     open one is as large as the batch or as is affordable
     * @param isSleepy see {@link ComputeThreads}; threads of a paged context always are
     * @param goesBack how many tokens a recurrent state can go back
     */
    record Purpose(
            String noun, int pooling, boolean isWholeMicroBatch, boolean isSleepy, int goesBack) {
        Purpose(String noun, int pooling, boolean isWholeMicroBatch, boolean isSleepy) {
            this(noun, pooling, isWholeMicroBatch, isSleepy, 0);
        }
    }

    /**
     * Creates the context.
     *
     * @param pager keeps the right weights in memory; null if all of them fit
     * @throws SessionException if llama.cpp can't create it
     */
    NativeContext(
            Purpose purpose, MemorySegment model, SessionOptions options, @Nullable Pager pager) {
        paging = pager == null ? null : new Paging(pager, abort::abort);
        MemorySegment params = ContextParams.of(options, arena);
        llama_context_params.pooling_type(params, purpose.pooling());
        llama_context_params.n_rs_seq(params, purpose.goesBack());
        abort.install(params);
        if (paging != null) {
            llama_context_params.cb_eval(params, paging.callback(arena));
            // Weights would be copied to a GPU for long batches before the callback is asked.
            llama_context_params.op_offload(params, false);
        }
        int microBatch =
                purpose.isWholeMicroBatch()
                        ? options.batchSize()
                        : MemoryFit.microBatch(options, paging != null);
        ContextInit init =
                new ContextInit(purpose.noun(), model, options, params, paging, microBatch);
        try {
            handle = new NativeHandle(purpose.noun(), init.create(), llama_h::llama_free);
        } catch (SessionException e) {
            arena.close();
            throw e;
        }
        threads =
                new ComputeThreads(
                        handle, cores(this, options, pager), paging != null || purpose.isSleepy());
    }

    /**
     * The share of a context; all those of a model whose weights pass through memory take turns.
     */
    static CoreShare cores(Object context, SessionOptions options, @Nullable Pager pager) {
        return new CoreShare(
                pager == null ? context : pager, options, FreeCores.ofThisProcess()::count);
    }

    NativeHandle handle() {
        return handle;
    }

    MemorySegment pointer() {
        return handle.pointer();
    }

    /** Ends computations that are no longer wanted. */
    AbortSwitch abort() {
        return abort;
    }

    /**
     * Notes that another context, which takes turns with this one, has been created since: its
     * buffers take RAM from the weights, too.
     *
     * @throws SessionException if there is too little left for weights
     */
    void besides(MemorySegment other) {
        if (paging == null) {
            return;
        }
        try {
            paging.reserved(pointer(), ContextSizes.computeBuffers(other));
        } catch (InsufficientRamException e) {
            throw new SessionException("draft model: " + e.getMessage(), List.of());
        }
    }

    /** A batch that lives as long as the context. */
    Batch newBatch(int size, int sequences) {
        return new Batch(arena, size, sequences);
    }

    /**
     * Computes a batch.
     *
     * @param share number of tokens in the batch
     * @param isCausal whether each sees only those before it, rather than all of the batch
     * @param progress is given the part that is done, 0 to 1, if weights pass through memory
     * @return llama.cpp's result, 0 if it is done; null if the thread was interrupted before it
     *     began
     * @throws DecodeException if weights could not be brought in; then the results are invalid
     */
    LlamaLog.@Nullable Result<Integer> decode(
            Batch batch, int share, boolean isCausal, DoubleConsumer progress) {
        if (isCausal) {
            return decode(batch, share, progress);
        }
        llama_h.llama_set_causal_attn(handle.pointer(), false);
        try {
            return decode(batch, share, progress);
        } finally {
            llama_h.llama_set_causal_attn(handle.pointer(), true);
        }
    }

    /** Computes a batch as the model sees texts; see the other method. */
    LlamaLog.@Nullable Result<Integer> decode(Batch batch, int share, DoubleConsumer progress) {
        return adapting(() -> decodeNow(batch, share, progress));
    }

    private LlamaLog.@Nullable Result<Integer> decodeNow(
            Batch batch, int share, DoubleConsumer progress) {
        return paging == null
                ? threads.decode(batch.struct())
                : paging.pass(share, progress, () -> threads.decode(batch.struct()));
    }

    /** Runs a computation of llama.cpp's own with this context, by its threads. */
    int compute(IntSupplier computation) {
        return adapting(() -> threads.compute(computation::getAsInt, result -> result >= 0));
    }

    /** Computes with other adapters from now on; those before may be closed then. */
    void use(Adapters adapters, Adapters instead) {
        adapters.apply(handle.pointer(), instead);
        isAdapting = true;
    }

    /** Runs a computation before which llama.cpp may have to prepare for other adapters. */
    private <T> T adapting(Supplier<T> computation) {
        if (!isAdapting) {
            return computation.get();
        }
        isAdapting = false;
        try {
            return LoadedAdapter.exclusively(computation);
        } finally {
            if (paging != null) {
                paging.resized(handle.pointer());
            }
        }
    }

    /** The cost of the last pass; empty before the first, and if all weights fit into RAM. */
    Optional<PassStats> lastPass() {
        return paging == null ? Optional.empty() : paging.lastPass();
    }

    /** Notes that nothing is computed for now, so that others may have the cores. */
    void rest() {
        threads.rest();
    }

    boolean isClosed() {
        return handle.isClosed();
    }

    @Override
    public void close() {
        if (handle.isClosed()) {
            return;
        }
        handle.close();
        threads.close();
        arena.close();
    }
}
