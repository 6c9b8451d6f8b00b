package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.load.MtpLayers;
import io.github.bigllama.internal.media.MediaEncoder;
import io.github.bigllama.internal.pager.FileSizes;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.threads.InterruptWatch;
import io.github.bigllama.internal.threads.PlatformThread;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.DoubleConsumer;
import java.util.function.IntSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * One {@code llama_context}, which computes tokens of its sequences, and knows nothing about text.
 * Thread-safe; each sequence is used through its {@link Lane}.
 */
@SuppressWarnings("restricted")
public final class Context implements AutoCloseable {
    private static final int OK = 0;
    private static final int ABORTED = 2;

    /**
     * The message that llama.cpp logs if it is aborted while it rotates the keys of moved tokens.
     */
    private static final String MOVE_FAILED = "failed to compute K-shift";

    /** Held during a pass, and during changes of the KV cache. */
    private final ReentrantLock lock = new ReentrantLock(true);

    private final SessionOptions options;
    private final NativeContext context;
    private final Batch batch;
    private final int size;
    private final int vocabularySize;
    private final int embeddingSize;
    private final Sequences sequences;
    private final FileSizes sizes;

    /** What llama.cpp computes with now. Guarded by the lock. */
    private Adapters adapters = Adapters.NONE;

    /** Turns images into embeddings; null for a model without a projector. */
    private final @Nullable MediaEncoder media;

    /** Drafts tokens by the model's own layers; null if it does not. */
    private final @Nullable MtpContext mtp;

    /** Has passes serve several lanes; null with a single one. */
    private final @Nullable PassQueue queue;

    /**
     * Creates a context and starts its threads.
     *
     * @param sizes checks the sizes of the model's files
     * @param pager keeps the right weights in memory; null if all of them fit
     * @param media turns images into embeddings; null for a model without a projector
     * @param drafts whether the layers that predict further tokens (MTP) draft
     * @throws SessionException if llama.cpp can't create the context
     */
    public Context(
            String noun,
            MemorySegment model,
            SessionOptions options,
            FileSizes sizes,
            @Nullable Pager pager,
            @Nullable MediaEncoder media,
            boolean drafts) {
        this.options = options;
        this.sizes = sizes;
        this.media = media;
        boolean isShared = options.sequences() > 1;
        // Threads that choose tokens need the cores between passes.
        NativeContext.Purpose purpose =
                new NativeContext.Purpose(
                        noun,
                        llama_h.LLAMA_POOLING_TYPE_UNSPECIFIED(),
                        false,
                        isShared,
                        drafts ? MtpLayers.MOST : 0);
        context = new NativeContext(purpose, model, options, pager);
        mtp = drafts ? mtp(model, pager) : null;
        NativeHandle handle = context.handle();
        MemorySegment memory = handle.borrow(llama_h.llama_get_memory(handle.pointer()));
        size = llama_h.llama_n_ctx_seq(handle.pointer());
        vocabularySize = llama_h.llama_vocab_n_tokens(llama_h.llama_model_get_vocab(model));
        embeddingSize = options.embeddings() ? llama_h.llama_model_n_embd_out(model) : 0;
        int batchSize = llama_h.llama_n_batch(handle.pointer());
        batch = context.newBatch(batchSize, options.sequences());
        sequences =
                new Sequences(
                        options.sequences(),
                        memory,
                        mtp == null ? null : mtp.memory(),
                        llama_h.llama_model_n_swa(model),
                        llama_h.llama_model_is_recurrent(model)
                                || llama_h.llama_model_is_hybrid(model));
        int outputs =
                options.embeddings() ? batchSize : Math.max(options.sequences(), options.outputs());
        queue = isShared ? new PassQueue(this, context.abort(), batchSize, outputs) : null;
    }

    private MtpContext mtp(MemorySegment model, @Nullable Pager pager) {
        try {
            return new MtpContext(context, model, options, pager);
        } catch (SessionException e) {
            context.close();
            throw e;
        }
    }

    /** The options that it was created with. */
    public SessionOptions options() {
        return options;
    }

    /** The size of the context, in tokens. */
    public int size() {
        return size;
    }

    /** The most tokens of a batch. */
    public int batchSize() {
        return batch.size();
    }

    /** Whether no lane is open any more. */
    public boolean isClosed() {
        return context.isClosed();
    }

    /** What drafts tokens by the model's own layers; null if nothing does. */
    @Nullable MtpContext mtp() {
        return mtp;
    }

    /** What turns images into embeddings; null for a model without a projector. */
    @Nullable MediaEncoder media() {
        return media;
    }

    /** The most tokens that see each other without regard to their order. */
    int microBatchSize() {
        return llama_h.llama_n_ubatch(context.pointer());
    }

    MemorySegment pointer() {
        return context.pointer();
    }

    /**
     * Opens a lane with an empty sequence; none if the last one has been closed, and with it the
     * context.
     *
     * @throws IllegalStateException if all sequences are in use
     */
    public Optional<Lane> open() {
        return sequences.open().map(sequence -> new Lane(this, sequence, newOutputs()));
    }

    private Outputs newOutputs() {
        return new Outputs(context.handle(), vocabularySize, embeddingSize, queue != null);
    }

    /** Frees the cells of a lane that no other one shares, and with the last lane the context. */
    void close(Lane lane) {
        rest(lane);
        boolean isLast =
                locked(
                        () -> {
                            lane.sequence().clear();
                            boolean isNone = sequences.close(lane.sequence());
                            release(lane.adapters());
                            if (sequences.all().size() == 1) {
                                sequences.all().forEach(Sequence::unshare);
                            }
                            return isNone;
                        });
        if (isLast) {
            close();
        }
    }

    /** Has llama.cpp forget adapters that a lane no longer uses; with the lock held. */
    void release(Adapters former) {
        if (former.equals(adapters)) {
            use(Adapters.NONE);
        }
    }

    private void use(Adapters wanted) {
        if (!wanted.equals(adapters)) {
            context.use(wanted, adapters);
            adapters = wanted;
        }
    }

    /** See {@link NativeContext#besides}. */
    void besides(MemorySegment other) {
        context.besides(other);
    }

    /** Runs an action while nothing is computed. */
    <T> T locked(Supplier<T> action) {
        lock.lock();
        try {
            return action.get();
        } finally {
            lock.unlock();
        }
    }

    /** Notes that nothing is computed for a lane for now, so that others may have the cores. */
    void rest(Lane lane) {
        if (queue == null) {
            context.rest();
        } else {
            queue.rest(lane);
        }
    }

    /** Notes that nothing is computed for now, but perhaps soon. */
    void pause() {
        if (queue == null) {
            context.rest();
        }
    }

    /** Notes that nothing is computed for now. */
    void rest() {
        context.rest();
    }

    /** Notes that a computation of a lane is no longer wanted. */
    void cancelled(Lane lane) {
        if (queue != null) {
            queue.withdraw(lane);
        }
        context.abort().update();
    }

    /** Computes a request, which has its result then. */
    void compute(Request request) {
        if (queue != null) {
            queue.compute(request);
            return;
        }
        PlatformThread.call(
                () ->
                        request.isInterruptible()
                                ? InterruptWatch.during(
                                        () -> alone(request),
                                        () -> {
                                            request.interrupt();
                                            context.abort().update();
                                        })
                                : alone(request));
    }

    private boolean alone(Request request) {
        return pass(List.of(request), request.lane().progress()).isEmpty();
    }

    /**
     * Computes requests in one pass. Each has its result then, even if that is an error. All must
     * be of lanes with the same adapters.
     *
     * @param progress is given the part that is done, 0 to 1
     * @return those of the last requests for which there was no room beside the others; they have
     *     no result
     */
    List<Request> pass(List<Request> requests, DoubleConsumer progress) {
        lock.lock();
        List<Request> left = new ArrayList<>(requests);
        List<Request> postponed = new ArrayList<>();
        try {
            left.removeIf(Request::isLost);
            sizes.require();
            while (!left.isEmpty()) {
                List<Request> current = List.copyOf(left);
                context.abort().begin(() -> isUnwanted(current));
                LlamaLog.Result<Integer> result = decode(left, progress);
                if (result != null
                        && result.value() == DecodeException.NO_ROOM
                        && left.size() > 1) {
                    postponed.addFirst(left.removeLast());
                } else {
                    finish(left, result);
                    break;
                }
            }
        } catch (IOException e) {
            DecodeException failure = new DecodeException(e.getMessage(), 0, List.of());
            left.forEach(request -> request.failed(failure));
        } catch (RuntimeException | Error e) {
            left.forEach(request -> request.failed(e));
        } finally {
            context.abort().end();
            lock.unlock();
        }
        return postponed;
    }

    /**
     * A pass is ended early when nobody wants its results, but not while it moves tokens of others:
     * they would be lost.
     */
    private boolean isUnwanted(List<Request> requests) {
        return requests.stream().allMatch(Request::isCancelled)
                && sequences.all().stream()
                        .filter(Sequence::isMoving)
                        .allMatch(
                                moving -> requests.stream().anyMatch(r -> r.sequence() == moving));
    }

    /** Computes a batch; null if the caller was interrupted before it began. */
    private LlamaLog.@Nullable Result<Integer> decode(
            List<Request> requests, DoubleConsumer progress) {
        batch.fill(requests);
        use(requests.getFirst().lane().adapters());
        boolean isCausal = requests.getFirst().isCausal();
        try {
            LlamaLog.Result<Integer> result =
                    context.decode(
                            batch,
                            requests.stream().mapToInt(Request::share).sum(),
                            isCausal,
                            progress);
            if (mtp != null && result != null && result.value() == OK) {
                mtp.follow(batch);
            }
            return result;
        } catch (DecodeException e) {
            sequences.all().forEach(sequence -> sequence.moved(false));
            requests.forEach(request -> request.sequence().rollBack(request.sequence().used()));
            throw e;
        }
    }

    private void finish(List<Request> requests, LlamaLog.@Nullable Result<Integer> result) {
        if (result == null) {
            return;
        }
        boolean isMoved = result.log().stream().noneMatch(line -> line.contains(MOVE_FAILED));
        List<Request> kept =
                requests.stream().filter(r -> isMoved || !r.sequence().isMoving()).toList();
        sequences.all().forEach(sequence -> sequence.moved(isMoved));
        int offset = 0;
        for (Request request : requests) {
            boolean isKept = kept.contains(request);
            if (!request.settle()) {
                request.sequence().rollBack(request.sequence().used());
            } else {
                finish(request, result, isKept, offset);
            }
            offset += request.share();
        }
    }

    private void finish(
            Request request, LlamaLog.Result<Integer> result, boolean isKept, int offset) {
        Sequence sequence = request.sequence();
        boolean isDone = isKept && result.value() == OK;
        boolean isText = request.embeddings() == null;
        if (isKept && isText) {
            sequence.append(request.source(), request.from(), request.share());
        }
        if (isDone) {
            request.lane().outputs().computed(offset, request.share(), request.first());
            context.lastPass().ifPresent(request.lane()::passed);
            request.computed(request.share());
            return;
        }
        if (isKept && isText) {
            // Micro-batches before the failure stay in memory, which knows how many they are.
            sequence.endedEarly(sequence.used() - request.share());
        }
        if (result.value() != ABORTED) {
            request.failed(result, sequences.all().size());
        }
    }

    /** Runs a computation of llama.cpp's own for a lane, by the threads of this context. */
    int compute(Lane lane, IntSupplier computation) {
        return PlatformThread.call(
                () ->
                        locked(
                                () -> {
                                    use(lane.adapters());
                                    return context.compute(computation);
                                }));
    }

    @Override
    public void close() {
        if (mtp != null) {
            mtp.close();
        }
        context.close();
    }
}
