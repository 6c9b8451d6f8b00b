package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_batch;
import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.residency.FileSizes;
import io.github.bigllama.residency.Pager;
import io.github.bigllama.residency.PassStats;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.DoubleConsumer;

/**
 * One {@code llama_context} and what its KV cache holds, as tokens of sequence 0. Computes tokens;
 * it knows nothing of text. Not thread-safe, but for the abort signal.
 */
@SuppressWarnings("restricted")
final class Context implements AutoCloseable {
    private static final int SEQUENCE = 0;
    private static final int OK = 0;
    private static final int NO_SLOT = 1;
    private static final int ABORTED = 2;

    /** llama.cpp's default micro-batch. */
    static final int USUAL_BATCH = 512;

    /** One that is chosen where each pass over the weights reads from disk. */
    static final int LARGE_BATCH = 2048;

    /**
     * The abort callback. llama.cpp calls it before each of the thousand operations of a token
     * while the other threads wait, and an upcall there costs some percent of the speed; C's {@code
     * atoi(const char *)} has its shape, and gives what {@link #abortFlag} says.
     */
    private static final MemorySegment ATOI =
            Linker.nativeLinker().defaultLookup().find("atoi").orElseThrow();

    private final Arena arena = Arena.ofShared();
    private final NativeHandle handle;
    private final NativeHandle threadpool;
    private final MemorySegment memory;
    private final MemorySegment batch;
    private final MemorySegment batchTokens;
    private final int size;
    private final int batchSize;

    /** What the KV cache holds: the first {@code used} of them. */
    private int[] tokens = new int[64];

    private int used;

    /** The text "0", or "1" to end a computation: what the abort callback reads. */
    private final MemorySegment abortFlag = arena.allocateFrom("0");

    /** Whose computation the flag is for. */
    private AtomicBoolean abortSignal;

    /** A copy of the last logits, for looking at each. */
    private float[] logits = {};

    /** Views of the last decode live until the next one; made only if someone asks. */
    private Arena outputs;

    private final FileSizes sizes;

    /** Null where all weights fit into RAM. */
    private final Paging paging;

    /** Is told how much of a computation is done, 0 to 1, where it takes long. */
    private DoubleConsumer progress = fraction -> {};

    /**
     * Creates a context and starts its threads.
     *
     * @param sizes of the files of the model
     * @param pager keeps the right weights in memory; empty where all of them fit
     * @param outputs tokens of a batch that may have logits; 0 for the last of each sequence
     * @throws SessionException if llama.cpp can't
     */
    Context(
            String noun,
            MemorySegment model,
            SessionOptions options,
            FileSizes sizes,
            Optional<Pager> pager,
            int outputs) {
        this.sizes = sizes;
        paging = pager.map(p -> new Paging(p, () -> setAbort(true))).orElse(null);
        MemorySegment params = params(options, arena);
        if (outputs > 0) {
            llama_context_params.n_outputs_max(params, outputs);
        }
        int threads = llama_context_params.n_threads(params);
        int batchThreads = llama_context_params.n_threads_batch(params);
        llama_context_params.abort_callback(params, ATOI);
        llama_context_params.abort_callback_data(params, abortFlag);
        if (paging != null) {
            llama_context_params.cb_eval(params, paging.callback(arena));
        }
        handle = new NativeHandle(noun, create(noun, model, options, params), llama_h::llama_free);
        threadpool = Threadpool.start(Math.max(threads, batchThreads), paging != null);
        llama_h.llama_attach_threadpool(
                handle.pointer(), threadpool.pointer(), threadpool.pointer());
        memory = handle.borrow(llama_h.llama_get_memory(handle.pointer()));
        size = llama_h.llama_n_ctx_seq(handle.pointer());
        batchSize = llama_h.llama_n_batch(handle.pointer());
        batch = llama_batch.allocate(arena);
        batchTokens = arena.allocate(ValueLayout.JAVA_INT, batchSize);
        // Position, sequence and logits stay NULL: llama.cpp counts positions in sequence 0 and
        // gives the logits of the last token.
        llama_batch.token(batch, batchTokens);
    }

    /** What llama.cpp is told of a session, but for its batches. */
    static MemorySegment params(SessionOptions options, Arena arena) {
        int threads = options.threads() == 0 ? CpuTopology.physicalCores() : options.threads();
        MemorySegment params = llama_h.llama_context_default_params(arena);
        llama_context_params.n_ctx(params, options.contextSize());
        llama_context_params.n_seq_max(params, options.sequences());
        // Only the last token of a batch has logits; room for one in every position would be
        // hundreds of megabytes with a large vocabulary. Embeddings are given for every token.
        llama_context_params.n_outputs_max(params, options.embeddings() ? 0 : options.sequences());
        llama_context_params.n_threads(params, threads);
        llama_context_params.n_threads_batch(
                params, options.batchThreads() == 0 ? threads : options.batchThreads());
        llama_context_params.type_k(params, options.keyType().value());
        llama_context_params.type_v(params, options.valueType().value());
        llama_context_params.flash_attn_type(params, options.flashAttention().value());
        llama_context_params.embeddings(params, options.embeddings());
        return params;
    }

    /** Creates it with the micro-batch asked for, or the one that is best. */
    private MemorySegment create(
            String noun, MemorySegment model, SessionOptions options, MemorySegment params) {
        int wanted = options.microBatchSize();
        int microBatch =
                wanted != SessionOptions.AUTO_MICRO_BATCH
                        ? wanted
                        : Math.min(options.batchSize(), paging == null ? USUAL_BATCH : LARGE_BATCH);
        LlamaLog.Result<MemorySegment> created = create(model, options, params, microBatch);
        if (paging != null && created.value().address() != 0) {
            if (wanted == SessionOptions.AUTO_MICRO_BATCH) {
                int affordable =
                        paging.affordableBatch(microBatch, created.memory().computeBuffers());
                if (affordable < microBatch) {
                    llama_h.llama_free(created.value());
                    created = create(model, options, params, affordable);
                }
            }
        }
        if (created.value().equals(MemorySegment.NULL)) {
            arena.close();
            throw new SessionException(
                    "could not create a "
                            + noun
                            + " with "
                            + options
                            + "; try a smaller context size or a smaller KV type",
                    created.log());
        }
        if (paging != null) {
            paging.reserved(
                    created.memory().computeBuffers(), llama_h.llama_n_ubatch(created.value()));
        }
        return created.value();
    }

    private LlamaLog.Result<MemorySegment> create(
            MemorySegment model, SessionOptions options, MemorySegment params, int microBatch) {
        // A batch is one pass over the weights where passes are what costs.
        llama_context_params.n_batch(params, paging == null ? options.batchSize() : microBatch);
        llama_context_params.n_ubatch(params, microBatch);
        return LlamaLog.collect(() -> llama_h.llama_init_from_model(model, params));
    }

    /** Tokens that fit. */
    int size() {
        return size;
    }

    /** Tokens in the KV cache. */
    int used() {
        return used;
    }

    int batchSize() {
        return batchSize;
    }

    MemorySegment pointer() {
        return handle.pointer();
    }

    boolean isClosed() {
        return handle.isClosed();
    }

    /** Computations from now on end early once this is true; null for never. */
    synchronized void abortOn(AtomicBoolean signal) {
        abortSignal = signal;
        setAbort(signal != null && signal.get());
    }

    /** Ends the computation for this signal, if that is the one under way. From any thread. */
    synchronized void abort(AtomicBoolean signal) {
        if (signal == abortSignal) {
            setAbort(true);
        }
    }

    private void setAbort(boolean abort) {
        abortFlag.set(ValueLayout.JAVA_BYTE, 0, (byte) (abort ? '1' : '0'));
    }

    /** How many tokens at the beginning of a prompt the KV cache holds already. */
    int commonPrefix(int[] prompt) {
        int mismatch = Arrays.mismatch(tokens, 0, used, prompt, 0, prompt.length);
        return mismatch < 0 ? used : mismatch;
    }

    /**
     * Forgets all but the first tokens.
     *
     * @return how many are left: {@code keep}, or 0 where the memory of the model (a recurrent one)
     *     can't forget a part
     */
    int keep(int keep) {
        invalidateOutputs();
        if (keep == used) {
            return used;
        }
        if (keep > 0 && llama_h.llama_memory_seq_rm(memory, SEQUENCE, keep, -1)) {
            used = keep;
        } else {
            clear();
        }
        return used;
    }

    /** Forgets everything. */
    void clear() {
        invalidateOutputs();
        llama_h.llama_memory_clear(memory, true);
        used = 0;
    }

    /**
     * As {@link #decode(int[], int, int)}, with logits not of the last token but of all from one
     * on.
     *
     * @param first which of the tokens is the first with logits, from 0; may be {@code count}
     */
    boolean decode(int[] source, int from, int count, int first) {
        MemorySegment flags = arena.allocate(batchSize);
        flags.asSlice(first, count - first).fill((byte) 1);
        llama_batch.logits(batch, flags);
        try {
            return decode(source, from, count);
        } finally {
            llama_batch.logits(batch, MemorySegment.NULL);
        }
    }

    /** Logits of a token of the last batch that has some: a float for each of the vocabulary. */
    MemorySegment logits(int index, int vocabularySize) {
        return output(llama_h.llama_get_logits_ith(handle.pointer(), index), vocabularySize);
    }

    /**
     * Computes tokens after those in the KV cache, at most {@link #batchSize()}.
     *
     * @return false if it was aborted; what had been computed until then is kept
     */
    boolean decode(int[] source, int from, int count) {
        invalidateOutputs();
        MemorySegment.copy(source, from, batchTokens, ValueLayout.JAVA_INT, 0, count);
        llama_batch.n_tokens(batch, count);
        LlamaLog.Result<Integer> result = compute(count);
        append(source, from, count);
        if (result.value() == OK) {
            return true;
        }
        // Micro-batches before the failure stay in the memory; it knows how many.
        used = Math.min(used, llama_h.llama_memory_seq_pos_max(memory, SEQUENCE) + 1);
        if (result.value() == ABORTED) {
            return false;
        }
        String reason =
                result.value() == NO_SLOT
                        ? "no room in the KV cache for " + count + " tokens after " + used
                        : "llama_decode failed with "
                                + result.value()
                                + " at "
                                + count
                                + " tokens after "
                                + used;
        throw new DecodeException(reason, result.value(), result.log());
    }

    private LlamaLog.Result<Integer> compute(int count) {
        try {
            sizes.require();
        } catch (IOException e) {
            throw new DecodeException(e.getMessage(), 0, List.of());
        }
        if (paging == null) {
            return LlamaLog.collect(() -> llama_h.llama_decode(handle.pointer(), batch));
        }
        try {
            return paging.pass(
                    count,
                    progress,
                    () -> LlamaLog.collect(() -> llama_h.llama_decode(handle.pointer(), batch)));
        } catch (DecodeException e) {
            // Nothing of it may stay: what was computed last is wrong.
            llama_h.llama_memory_seq_rm(memory, SEQUENCE, used, -1);
            abortOn(abortSignal);
            throw e;
        }
    }

    /** Sets who is told how much of a long computation is done; called from within it. */
    void onProgress(DoubleConsumer listener) {
        progress = listener;
    }

    /** What the last pass over the weights cost; empty where all of them fit. */
    Optional<PassStats> lastPass() {
        return paging == null ? Optional.empty() : paging.lastPass();
    }

    /** Whether no logit of the last computation is NaN or plus infinity. */
    boolean logitsAreNumbers(int vocabularySize) {
        if (logits.length != vocabularySize) {
            logits = new float[vocabularySize];
        }
        MemorySegment raw = llama_h.llama_get_logits_ith(handle.pointer(), -1);
        // A loop over an array is fast from the first token on; one over a segment is not before
        // it is compiled, which takes more tokens than many an answer has.
        MemorySegment.ofArray(logits)
                .copyFrom(raw.reinterpret((long) vocabularySize * Float.BYTES));
        float sum = 0;
        for (float logit : logits) {
            // Times 0 only NaN and the infinities are not 0; minus infinity is a legal logit.
            sum += logit == Float.NEGATIVE_INFINITY ? 0 : logit * 0;
        }
        return sum == 0;
    }

    /** A view that lives until the next computation, {@link #keep} or close. */
    MemorySegment output(MemorySegment raw, long floats) {
        if (outputs == null) {
            outputs = Arena.ofShared();
        }
        return raw.reinterpret(floats * Float.BYTES, outputs, null).asReadOnly();
    }

    @Override
    public void close() {
        if (handle.isClosed()) {
            return;
        }
        handle.close();
        invalidateOutputs();
        threadpool.close();
        arena.close();
    }

    private void append(int[] source, int from, int count) {
        if (used + count > tokens.length) {
            tokens = Arrays.copyOf(tokens, Math.max(used + count, 2 * tokens.length));
        }
        System.arraycopy(source, from, tokens, used, count);
        used += count;
    }

    private void invalidateOutputs() {
        if (outputs != null) {
            outputs.close();
            outputs = null;
        }
    }
}
