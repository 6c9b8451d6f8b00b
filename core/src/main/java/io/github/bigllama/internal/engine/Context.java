package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.PassStats;
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
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.DoubleConsumer;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;

/**
 * One {@code llama_context}, which computes tokens of its sequences, and knows nothing about text.
 * Not thread-safe, except for the abort signal.
 */
@SuppressWarnings("restricted")
public final class Context implements AutoCloseable {
    private static final int OK = 0;
    public static final int NO_SLOT = 1;
    private static final int ABORTED = 2;

    /**
     * The message that llama.cpp logs if it is aborted while it rotates the keys of moved tokens.
     */
    private static final String MOVE_FAILED = "failed to compute K-shift";

    private final Occupancy occupancy = new Occupancy();
    private final Arena arena = Arena.ofShared();
    private final NativeHandle handle;
    private final ComputeThreads threads;
    private final Batch batch;
    private final int size;
    private final Sequences sequences;

    private final AbortSwitch abort = new AbortSwitch(arena);
    private final Outputs outputs;
    private final FileSizes sizes;

    /** Null if all weights fit into RAM. */
    private final Paging paging;

    /** Is given the part of a long computation that is done, 0 to 1. */
    private DoubleConsumer progress = fraction -> {};

    /**
     * Creates a context and starts its threads.
     *
     * @param sizes checks the sizes of the model's files
     * @param pager keeps the right weights in memory; empty if all of them fit
     * @throws SessionException if llama.cpp can't create the context
     */
    public Context(
            String noun,
            MemorySegment model,
            SessionOptions options,
            FileSizes sizes,
            Optional<Pager> pager) {
        this.sizes = sizes;
        paging = pager.map(p -> new Paging(p, abort::abort)).orElse(null);
        MemorySegment params = ContextParams.of(options, arena);
        // All contexts of a model whose weights pass through memory take turns.
        Object user = pager.<Object>map(p -> p).orElse(this);
        CoreShare cores = new CoreShare(user, options, FreeCores.ofThisProcess()::count);
        abort.install(params);
        if (paging != null) {
            llama_context_params.cb_eval(params, paging.callback(arena));
        }
        handle =
                new NativeHandle(
                        noun,
                        create(new ContextInit(noun, model, options, params, paging)),
                        llama_h::llama_free);
        threads = new ComputeThreads(handle, cores, paging != null);
        outputs = new Outputs(handle);
        MemorySegment memory = handle.borrow(llama_h.llama_get_memory(handle.pointer()));
        size = llama_h.llama_n_ctx_seq(handle.pointer());
        batch = new Batch(arena, llama_h.llama_n_batch(handle.pointer()));
        sequences = new Sequences(options.sequences(), memory, llama_h.llama_model_n_swa(model));
    }

    private MemorySegment create(ContextInit init) {
        try {
            return init.create();
        } catch (SessionException e) {
            arena.close();
            throw e;
        }
    }

    /** The size of the context, in tokens. */
    public int size() {
        return size;
    }

    /**
     * Opens an empty sequence.
     *
     * @throws IllegalStateException if all sequences are in use
     */
    public Sequence open() {
        return sequences.open();
    }

    /** Frees a sequence, and with the last one the context. */
    public void close(Sequence sequence) {
        outputs.invalidate(sequence);
        sequences.close(sequence);
        if (sequences.count() == 0) {
            close();
        }
    }

    /** Makes a sequence forget all but its first tokens; see {@link Sequence#keep}. */
    public int keep(Sequence sequence, int keep) {
        outputs.invalidate(sequence);
        return sequence.keep(keep);
    }

    /**
     * Makes a sequence forget all tokens after the common beginning with a prompt.
     *
     * @param shift whether tokens that the prompt leaves out may be cut from the middle
     * @return number of tokens of the prompt that need not be computed, fewer than all
     */
    public int prepare(Sequence sequence, int[] prompt, boolean shift) {
        int gap = shift ? sequence.leftOut(prompt) : 0;
        if (gap > 0) {
            int prefix = sequence.commonPrefix(prompt);
            outputs.invalidate(sequence);
            sequence.remove(prefix, prefix + gap);
        }
        return keep(sequence, Math.min(sequence.commonPrefix(prompt), prompt.length - 1));
    }

    /**
     * Makes room in a full sequence: forgets the older half of the tokens that are not kept.
     *
     * @param keep number of tokens at the beginning to keep
     * @return false if the following tokens had to be computed again, and that was aborted
     */
    public boolean shift(Sequence sequence, int keep) {
        int[] tokens = sequence.tokens();
        int to = keep + (tokens.length - keep + 1) / 2;
        keep(sequence, tokens.length);
        if (sequence.remove(keep, to)) {
            return true;
        }
        int[] rest =
                IntStream.concat(
                                Arrays.stream(tokens, 0, keep),
                                Arrays.stream(tokens, to, tokens.length))
                        .toArray();
        return decodeFrom(sequence, rest, sequence.keep(keep));
    }

    /** Computes all tokens from one on, in as many batches as it takes; false if aborted. */
    public boolean decodeFrom(Sequence sequence, int[] tokens, int from) {
        for (int done = from; done < tokens.length; done += batch.size()) {
            if (!decode(sequence, tokens, done, Math.min(batch.size(), tokens.length - done))) {
                return false;
            }
        }
        return true;
    }

    /**
     * Makes llama.cpp finish work that it defers to the next computation, by computing the last
     * token again: then the contents of its memory match the tokens.
     */
    public void settle(Sequence sequence) {
        if (!forgetGuesses(sequence)) {
            throw new CancellationException("interrupted");
        }
        if (sequence.isMoving()) {
            int[] tokens = sequence.tokens();
            int kept = keep(sequence, tokens.length - 1);
            if (!decode(sequence, tokens, kept, tokens.length - kept)) {
                throw new CancellationException("interrupted");
            }
        }
    }

    /** The most tokens of a batch. */
    public int batchSize() {
        return batch.size();
    }

    public MemorySegment pointer() {
        return handle.pointer();
    }

    /**
     * Enters native code on behalf of a caller; sessions work between enter and exit.
     *
     * @throws WrongThreadException while another thread is inside
     */
    public void enter() {
        occupancy.enter();
    }

    public void exit() {
        occupancy.exit();
    }

    /** Runs an action between enter and exit, as soon as no other thread is inside. */
    public void whenFree(Runnable action) {
        occupancy.whenFree(action);
    }

    /** Notes that nothing is computed for now, so that others may have the cores. */
    public void rest() {
        threads.rest();
    }

    /** The switch that ends computations early. */
    public AbortSwitch abort() {
        return abort;
    }

    /** The outputs of the last computation. */
    public Outputs outputs() {
        return outputs;
    }

    /**
     * Computes a token, and tokens that are guessed to follow it. {@link #confirm} says that the
     * next of those was right; the others are forgotten as soon as something else is computed.
     *
     * @return false if it was aborted
     */
    public boolean decode(Sequence sequence, int token, int[] guess) {
        int before = sequence.used();
        int[] batchOfAll = IntStream.concat(IntStream.of(token), Arrays.stream(guess)).toArray();
        try {
            boolean isDone = decode(sequence, batchOfAll, 0, batchOfAll.length, 0);
            if (isDone) {
                outputs.guessed();
            }
            return isDone;
        } finally {
            sequence.guessed(Math.max(0, sequence.used() - before - 1));
        }
    }

    /** The next guess was right: its logits are the last ones now. */
    public void confirm(Sequence sequence) {
        sequence.confirm();
        outputs.confirm();
    }

    /** Whether nothing is in memory but what is known; false if that was aborted. */
    private boolean forgetGuesses(Sequence sequence) {
        if (sequence.guesses() == 0) {
            return true;
        }
        int[] known = sequence.tokens();
        return decodeFrom(sequence, known, keep(sequence, known.length));
    }

    /**
     * Computes tokens after those of a sequence, at most {@link #batchSize()}, with logits for the
     * last one.
     *
     * @return false if it was aborted; the tokens computed until then are kept
     */
    public boolean decode(Sequence sequence, int[] source, int from, int count) {
        return decode(sequence, source, from, count, count - 1);
    }

    /**
     * As {@link #decode(Sequence, int[], int, int)}, with logits for all tokens from an index on.
     *
     * @param first index of the first token with logits; may be {@code count}
     */
    public boolean decode(Sequence sequence, int[] source, int from, int count, int first) {
        if (!forgetGuesses(sequence)) {
            return false;
        }
        outputs.invalidate();
        batch.fill(sequence, source, from, count, first);
        LlamaLog.Result<Integer> result = compute(sequence, count);
        if (result == null) {
            return false;
        }
        boolean wasMoving = sequence.isMoving();
        boolean isMoved = result.log().stream().noneMatch(line -> line.contains(MOVE_FAILED));
        sequences.moved(isMoved);
        if (isMoved || !wasMoving) {
            sequence.append(source, from, count);
            if (result.value() == OK) {
                outputs.computed(sequence);
                return true;
            }
            // Micro-batches before the failure stay in memory, which knows how many they are.
            sequence.truncate();
        }
        if (result.value() == ABORTED) {
            return false;
        }
        String reason =
                String.format(
                        Locale.ROOT,
                        (result.value() == NO_SLOT
                                ? "no room in the KV cache for %d tokens after %d%s"
                                : "llama_decode failed with "
                                        + result.value()
                                        + " at %d tokens after %d%s"),
                        count,
                        sequence.used(),
                        sequences.count() > 1
                                ? String.format(
                                        Locale.ROOT,
                                        ", in one of %d sequences that share it",
                                        sequences.count())
                                : "");
        throw new DecodeException(reason, result.value(), result.log());
    }

    /** Computes a batch; null if the caller was interrupted before it began. */
    private LlamaLog.Result<Integer> compute(Sequence sequence, int count) {
        try {
            sizes.require();
        } catch (IOException e) {
            throw new DecodeException(e.getMessage(), 0, List.of());
        }
        AtomicBoolean signal = abort.signal();
        return PlatformThread.call(
                () ->
                        signal == null
                                ? pass(sequence, count)
                                : InterruptWatch.during(
                                        () -> pass(sequence, count), () -> abort.abort(signal)));
    }

    private LlamaLog.Result<Integer> pass(Sequence sequence, int count) {
        if (paging == null) {
            return decode();
        }
        try {
            return paging.pass(count, progress, this::decode);
        } catch (DecodeException e) {
            sequences.moved(false);
            sequence.rollBack(sequence.used());
            abort.reset();
            throw e;
        }
    }

    private LlamaLog.Result<Integer> decode() {
        return threads.compute(
                () ->
                        LlamaLog.collect(
                                () -> llama_h.llama_decode(handle.pointer(), batch.struct())),
                result -> result.value() == OK);
    }

    /** Runs a computation of llama.cpp's own with this context, by its threads. */
    public int compute(IntSupplier computation) {
        outputs.invalidate();
        return PlatformThread.call(
                () -> threads.compute(computation::getAsInt, result -> result >= 0));
    }

    /** Sets the listener for the progress of long computations, which is called during them. */
    public void onProgress(DoubleConsumer listener) {
        progress = listener;
    }

    /** The cost of the last pass over the weights; empty if all of them fit into RAM. */
    public Optional<PassStats> lastPass() {
        return paging == null ? Optional.empty() : paging.lastPass();
    }

    @Override
    public void close() {
        if (handle.isClosed()) {
            return;
        }
        handle.close();
        outputs.invalidate();
        threads.close();
        arena.close();
    }
}
