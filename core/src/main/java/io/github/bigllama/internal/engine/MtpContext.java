package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.llama.NativeHandle;
import io.github.bigllama.internal.load.ContextParams;
import io.github.bigllama.internal.load.MtpLayers;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.threads.ComputeThreads;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The layers of a model that predict further tokens (multi-token prediction), with a memory of
 * their own. They compute each batch after the rest of the model, from its last hidden states, and
 * draft what may follow. For one thread at a time: used with the lock of its {@link Context}.
 */
final class MtpContext implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(MtpContext.class.getName());

    /** The name of this kind of speculation in common_speculative. */
    private static final String KIND = "draft-mtp";

    private final NativeHandle context;
    private final ComputeThreads threads;
    private final Speculator speculator;
    private final @Nullable Pager pager;

    /**
     * Creates the context.
     *
     * @param target the context of the rest of the model, which must be closed later
     * @param options those of the target
     * @param pager keeps the right weights in memory; null if all of them fit
     * @throws SessionException if llama.cpp can't create it, or weights would have too little RAM
     */
    MtpContext(
            NativeContext target,
            MemorySegment model,
            SessionOptions options,
            @Nullable Pager pager) {
        this.pager = pager;
        try {
            if (pager != null) {
                pager.keepDrafting();
            }
            context = create(target.pointer(), model, options);
        } catch (InsufficientRamException e) {
            throw failure(e.getMessage());
        }
        threads = new ComputeThreads(context, NativeContext.cores(target, options, pager), true);
        try {
            speculator =
                    new Speculator(
                            new Speculator.Kind(KIND, options.sequences(), MtpLayers.MOST, 1, 0),
                            target.pointer(),
                            context.pointer(),
                            MtpContext::failure);
        } catch (SessionException e) {
            context.close();
            threads.close();
            throw e;
        }
    }

    private static NativeHandle create(
            MemorySegment target, MemorySegment model, SessionOptions options) {
        int batch = llama_h.llama_n_batch(target);
        LlamaLog.Result<MemorySegment> created;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = ContextParams.mtp(options, batch, arena);
            created = LlamaLog.collect(() -> llama_h.llama_init_from_model(model, params));
        }
        if (created.value().equals(MemorySegment.NULL)) {
            throw new SessionException(
                    "could not create a context for the layers that predict further tokens (MTP)",
                    created.log());
        }
        return new NativeHandle("MTP context", created.value(), llama_h::llama_free);
    }

    private static SessionException failure(String message) {
        return new SessionException(
                "the layers that predict further tokens (MTP) can't be used: " + message,
                List.of());
    }

    /** Its memory, in which sequences have the numbers that they have in the target's. */
    MemorySegment memory() {
        return context.borrow(llama_h.llama_get_memory(context.pointer()));
    }

    /** Computes what the target has just computed. */
    void follow(Batch batch) {
        compute(
                () -> {
                    speculator.follow(batch);
                    return new int[0];
                });
    }

    /**
     * Drafts tokens.
     *
     * @param tokens those in the target's memory
     * @param last the token after those
     * @param most the most tokens to draft, up to {@link MtpLayers#MOST}
     */
    int[] draft(int sequence, int[] tokens, int last, int most) {
        return compute(() -> speculator.draft(sequence, tokens, last, most));
    }

    /** Notes how many tokens of the last draft were right. */
    void accepted(int sequence, int count) {
        speculator.accepted(sequence, count);
    }

    /** Without what fails here, drafts are worse, or there are none: answers stay the same. */
    private int[] compute(Supplier<int[]> call) {
        Supplier<int[]> computation = () -> threads.compute(call, result -> true);
        try {
            if (pager == null) {
                return computation.get();
            }
            return pager.draft(computation).orElse(new int[0]);
        } catch (SessionException | IOException e) {
            LOGGER.log(System.Logger.Level.DEBUG, e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return new int[0];
    }

    @Override
    public void close() {
        if (context.isClosed()) {
            return;
        }
        speculator.close();
        context.close();
        threads.close();
    }
}
