package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.load.ContextParams;
import io.github.bigllama.internal.pager.FileSizes;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.system.FreeCores;
import io.github.bigllama.internal.threads.AbortSwitch;
import io.github.bigllama.internal.threads.ComputeThreads;
import io.github.bigllama.internal.threads.CoreShare;
import io.github.bigllama.internal.threads.InterruptWatch;
import io.github.bigllama.internal.threads.PlatformThread;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * One {@code llama_context} that computes a vector for each of several texts, all in one pass. For
 * one thread at a time, except for {@link #cancel}.
 */
@SuppressWarnings("restricted")
public final class Encoder implements AutoCloseable {
    private static final int OK = 0;

    private final Arena arena = Arena.ofShared();
    private final AbortSwitch abort = new AbortSwitch(arena);
    private final SessionOptions options;
    private final FileSizes sizes;
    private final NativeHandle handle;
    private final ComputeThreads threads;
    private final Batch batch;
    private final int vectorSize;

    /** Null if all weights fit into RAM. */
    private final @Nullable Paging paging;

    private volatile boolean isCancelled;

    /**
     * Creates a context.
     *
     * @param options with as many sequences as a pass may have texts; if they leave the micro-batch
     *     open, it is as large as the batch or as is affordable
     * @param pooling of {@code enum llama_pooling_type}
     * @param vectorSize elements of a vector
     * @throws SessionException if llama.cpp can't create the context
     */
    public Encoder(
            String noun,
            MemorySegment model,
            SessionOptions options,
            int pooling,
            int vectorSize,
            FileSizes sizes,
            Optional<Pager> pager) {
        this.options = options;
        this.sizes = sizes;
        this.vectorSize = vectorSize;
        paging = pager.map(p -> new Paging(p, abort::abort)).orElse(null);
        MemorySegment params = ContextParams.of(options, arena);
        llama_context_params.pooling_type(params, pooling);
        // All contexts of a model whose weights pass through memory take turns.
        Object user = pager.<Object>map(p -> p).orElse(this);
        CoreShare cores = new CoreShare(user, options, FreeCores.ofThisProcess()::count);
        abort.install(params);
        if (paging != null) {
            llama_context_params.cb_eval(params, paging.callback(arena));
        }
        try {
            handle =
                    new NativeHandle(
                            noun,
                            new ContextInit(
                                            noun,
                                            model,
                                            options,
                                            params,
                                            paging,
                                            options.batchSize())
                                    .create(),
                            llama_h::llama_free);
        } catch (SessionException e) {
            arena.close();
            throw e;
        }
        threads = new ComputeThreads(handle, cores, paging != null);
        // A text must fit into one micro-batch.
        int batchSize = llama_h.llama_n_ubatch(handle.pointer());
        batch = new Batch(arena, batchSize, options.sequences());
    }

    /** The most tokens of a pass. */
    public int batchSize() {
        return batch.size();
    }

    /** The most texts of a pass. */
    public int mostTexts() {
        return options.sequences();
    }

    /** Is given the vector of each text; the segment is valid during the call, and writable. */
    public interface Vectors {
        void accept(int text, MemorySegment vector);
    }

    /**
     * Computes the vectors of texts.
     *
     * @param texts tokens; at most {@link #mostTexts} texts and {@link #batchSize} tokens
     * @throws DecodeException if llama.cpp fails
     * @throws CancellationException if cancelled, or if the thread is interrupted; it stays so
     */
    public void compute(List<int[]> texts, Vectors vectors) {
        isCancelled = false;
        LlamaLog.Result<Integer> result =
                PlatformThread.call(() -> InterruptWatch.during(() -> pass(texts), this::cancel));
        if (isCancelled) {
            throw new CancellationException("the computation of vectors was cancelled");
        }
        if (result == null || result.value() != OK) {
            throw new DecodeException(
                    "llama.cpp could not compute vectors of " + texts.size() + " texts",
                    result == null ? 0 : result.value(),
                    result == null ? List.of() : result.log());
        }
        for (int i = 0; i < texts.size(); i++) {
            vectors.accept(i, vector(i));
        }
    }

    private MemorySegment vector(int sequence) {
        MemorySegment vector = llama_h.llama_get_embeddings_seq(handle.pointer(), sequence);
        if (vector.equals(MemorySegment.NULL)) {
            throw new DecodeException("llama.cpp computed no vector", 0, List.of());
        }
        return vector.reinterpret((long) vectorSize * ValueLayout.JAVA_FLOAT.byteSize());
    }

    /** Ends the computation under way; on any thread. */
    public void cancel() {
        isCancelled = true;
        abort.update();
    }

    private LlamaLog.@Nullable Result<Integer> pass(List<int[]> texts) {
        try {
            sizes.require();
        } catch (IOException e) {
            throw new DecodeException(e.getMessage(), 0, List.of());
        }
        MemorySegment memory = llama_h.llama_get_memory(handle.pointer());
        if (!memory.equals(MemorySegment.NULL)) {
            llama_h.llama_memory_clear(memory, false);
        }
        batch.fillTexts(texts);
        abort.begin(() -> isCancelled);
        try {
            return paging == null
                    ? decode()
                    : paging.pass(
                            texts.stream().mapToInt(text -> text.length).sum(),
                            fraction -> {},
                            this::decode);
        } finally {
            abort.end();
            threads.rest();
        }
    }

    private LlamaLog.Result<Integer> decode() {
        return threads.compute(
                () ->
                        LlamaLog.collect(
                                () -> llama_h.llama_decode(handle.pointer(), batch.struct())),
                result -> result.value() == OK);
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
