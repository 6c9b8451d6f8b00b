package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.residency.AvailableRam;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.internal.graph.EvalCallback;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.load.ContextSizes;
import io.github.bigllama.internal.load.MemoryFit;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.pager.Pass;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import java.util.function.DoubleConsumer;
import java.util.function.Supplier;

/** Runs the computations of one context as passes of the pager. For one thread at a time. */
public final class Paging {
    private final Pager pager;
    private final EvalCallback watch;

    /** Bytes of compute buffers, and of the process's own memory before they were used. */
    private long computeBuffers;

    private int batch = 1;
    private long anonymousBefore;
    private PassStats lastPass;

    /**
     * The paging of one context.
     *
     * @param abort ends the computation under way
     */
    Paging(Pager pager, Runnable abort) {
        this.pager = pager;
        this.watch = new EvalCallback(pager, abort);
    }

    /** The eval callback of the context. */
    MemorySegment callback(Arena arena) {
        return watch.callback(arena);
    }

    /**
     * Notes the buffers that the context has reserved for computing, and has the plan leave room
     * for them; what stays is read from now on.
     *
     * @param besides bytes that others have reserved and that are used in the same passes
     * @throws InsufficientRamException if there is too little RAM left for weights
     */
    void reserved(MemorySegment context, long besides) {
        reserve(ContextSizes.computeBuffers(context) + besides, llama_h.llama_n_ubatch(context));
    }

    /**
     * Has what stays read from now on, before there is a context.
     *
     * @throws InsufficientRamException if there is too little RAM left for weights
     */
    void warmUp() {
        reserve(0, 1);
    }

    private void reserve(long bytes, int tokens) {
        computeBuffers = bytes;
        batch = tokens;
        anonymousBefore = otherBytes();
        pager.reserve(bytes);
        pager.warmUp();
    }

    /** Notes that the context's buffers, in use already, have another size now. */
    void resized(MemorySegment context) {
        computeBuffers = ContextSizes.computeBuffers(context);
    }

    /** As {@link MemoryFit#affordableBatch}, with the RAM that weights have beside the buffers. */
    public int affordableBatch(int tokens, long bytes) {
        return MemoryFit.affordableBatch(pager.weightRam(bytes), tokens, bytes);
    }

    /**
     * Runs a computation as a pass.
     *
     * @param progress is given the part that is done, 0 to 1, during the computation
     * @return null if the thread was interrupted before it could begin
     * @throws DecodeException if weights could not be brought in; then the results are invalid
     */
    LlamaLog.Result<Integer> pass(
            int tokens, DoubleConsumer progress, Supplier<LlamaLog.Result<Integer>> compute) {
        Pass pass;
        try {
            pass = pager.begin(tokens, untouched(tokens));
        } catch (InsufficientRamException e) {
            throw new DecodeException(
                    pager.weights().files().getFirst() + ": " + e.getMessage(), 0, List.of());
        } catch (InterruptedException e) {
            // Interrupted while another session of the model was computing.
            Thread.currentThread().interrupt();
            return null;
        }
        boolean complete = false;
        try {
            watch.begin(pass, progress);
            LlamaLog.Result<Integer> result = compute.get();
            Exception failure = watch.failure();
            if (failure != null) {
                throw new DecodeException(
                        failure.getMessage() == null ? failure.toString() : failure.getMessage(),
                        result.value(),
                        result.log());
            }
            complete = result.value() == 0;
            return result;
        } finally {
            lastPass = pass.end(complete);
        }
    }

    /**
     * Bytes of compute buffers that a pass will use and that are not in memory yet; they grow with
     * its number of tokens.
     */
    private long untouched(int tokens) {
        long used = computeBuffers / batch * tokens;
        long touched = otherBytes() - anonymousBefore;
        return Math.clamp(used - touched, 0, computeBuffers);
    }

    /** Bytes of the process's own memory that hold neither weights nor copies of them. */
    private long otherBytes() {
        return AvailableRam.anonymousBytes() - pager.ownBytes() - watch.ownBytes();
    }

    /** The cost of the last pass; empty before the first. */
    Optional<PassStats> lastPass() {
        return Optional.ofNullable(lastPass);
    }
}
