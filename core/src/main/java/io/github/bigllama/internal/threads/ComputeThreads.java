package io.github.bigllama.internal.threads;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.function.Predicate;
import java.util.function.Supplier;

/**
 * The threads of a context, as many as its share of the cores. Unused threads of a pool would spin
 * as long as the others, so each pool has exactly the threads that a pass uses.
 */
public final class ComputeThreads implements AutoCloseable {
    private static final int OK = 0;

    private final NativeHandle context;
    private final CoreShare cores;
    private final boolean sleepy;

    /**
     * The last pool is in use; llama.cpp still refers to the previous one until it computes with
     * the last.
     */
    private final Deque<NativeHandle> pools = new ArrayDeque<>();

    private int threads;
    private int batchThreads;

    /**
     * Begins without threads.
     *
     * @param sleepy see {@link Threadpool#start}
     */
    public ComputeThreads(NativeHandle context, CoreShare cores, boolean sleepy) {
        this.context = context;
        this.cores = cores;
        this.sleepy = sleepy;
    }

    /**
     * Runs a computation of the context with its share of the cores.
     *
     * @param isDone tells from the result whether the computation has ended
     */
    public <T> T compute(Supplier<T> computation, Predicate<T> isDone) {
        use(cores.begin());
        try {
            T result = computation.get();
            while (isDone.test(result) && pools.size() > 1) {
                pools.removeFirst().close();
            }
            return result;
        } finally {
            cores.end();
        }
    }

    /**
     * Computes a batch of the context.
     *
     * @param batch a {@code struct llama_batch}
     * @return llama.cpp's result, 0 if it is done
     */
    public LlamaLog.Result<Integer> decode(MemorySegment batch) {
        return compute(
                () -> LlamaLog.collect(() -> llama_h.llama_decode(context.pointer(), batch)),
                result -> result.value() == OK);
    }

    private void use(int share) {
        int newThreads = cores.threads(share);
        int newBatchThreads = cores.batchThreads(share);
        if (newThreads == threads && newBatchThreads == batchThreads) {
            return;
        }
        NativeHandle pool = Threadpool.start(Math.max(newThreads, newBatchThreads), sleepy);
        pools.addLast(pool);
        threads = newThreads;
        batchThreads = newBatchThreads;
        llama_h.llama_set_n_threads(context.pointer(), threads, batchThreads);
        llama_h.llama_attach_threadpool(context.pointer(), pool.pointer(), pool.pointer());
    }

    /** Notes that nothing is computed for now, so that others may have the cores. */
    public void rest() {
        cores.leave();
    }

    /** Ends all threads; must be called after the context is freed, which refers to them. */
    @Override
    public void close() {
        rest();
        pools.forEach(NativeHandle::close);
    }
}
