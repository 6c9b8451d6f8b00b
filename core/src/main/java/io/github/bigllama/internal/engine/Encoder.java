package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.pager.FileSizes;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.threads.InterruptWatch;
import io.github.bigllama.internal.threads.PlatformThread;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.jspecify.annotations.Nullable;

/**
 * One {@code llama_context} that computes a vector or scores for each of several texts, all in one
 * pass. For one thread at a time, except for {@link #cancel}.
 */
@SuppressWarnings("restricted")
public final class Encoder implements AutoCloseable {
    private static final int OK = 0;

    private final SessionOptions options;
    private final FileSizes sizes;
    private final NativeContext context;
    private final Batch batch;
    private final int vectorSize;
    private volatile boolean isCancelled;

    /**
     * Creates a context.
     *
     * @param options with as many sequences as a pass may have texts; if they leave the micro-batch
     *     open, it is as large as the batch or as is affordable
     * @param pooling of {@code enum llama_pooling_type}
     * @param vectorSize elements of a vector, or scores of a text
     * @param adapters must not be closed before this
     * @throws SessionException if llama.cpp can't create the context
     */
    public Encoder(
            String noun,
            MemorySegment model,
            SessionOptions options,
            int pooling,
            int vectorSize,
            Adapters adapters,
            FileSizes sizes,
            @Nullable Pager pager) {
        this.options = options;
        this.sizes = sizes;
        this.vectorSize = vectorSize;
        context =
                // Passes are long, and what is done between them needs the cores that threads would
                // spin on.
                new NativeContext(
                        new NativeContext.Purpose(noun, pooling, true, true),
                        model,
                        options,
                        pager);
        if (!adapters.equals(Adapters.NONE)) {
            context.use(adapters, Adapters.NONE);
        }
        // A text must fit into one micro-batch.
        int batchSize = llama_h.llama_n_ubatch(context.pointer());
        batch = context.newBatch(batchSize, options.sequences());
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
        MemorySegment vector = llama_h.llama_get_embeddings_seq(context.pointer(), sequence);
        if (vector.equals(MemorySegment.NULL)) {
            throw new DecodeException("llama.cpp computed no vector", 0, List.of());
        }
        return vector.reinterpret((long) vectorSize * ValueLayout.JAVA_FLOAT.byteSize());
    }

    /** Ends the computation under way; on any thread. */
    public void cancel() {
        isCancelled = true;
        context.abort().update();
    }

    private LlamaLog.@Nullable Result<Integer> pass(List<int[]> texts) {
        try {
            sizes.require();
        } catch (IOException e) {
            throw new DecodeException(e.getMessage(), 0, List.of());
        }
        MemorySegment memory = llama_h.llama_get_memory(context.pointer());
        if (!memory.equals(MemorySegment.NULL)) {
            llama_h.llama_memory_clear(memory, false);
        }
        batch.fillTexts(texts);
        context.abort().begin(() -> isCancelled);
        try {
            return context.decode(
                    batch, texts.stream().mapToInt(text -> text.length).sum(), fraction -> {});
        } finally {
            context.abort().end();
            context.rest();
        }
    }

    @Override
    public void close() {
        context.close();
    }
}
