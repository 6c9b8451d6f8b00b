package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.internal.draft.DraftLength;
import io.github.bigllama.internal.engine.Adapters;
import io.github.bigllama.internal.engine.Context;
import io.github.bigllama.internal.engine.Encoder;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.engine.ServedContext;
import io.github.bigllama.internal.load.MemoryFit;
import io.github.bigllama.internal.load.ModelLoader;
import io.github.bigllama.internal.media.MediaEncoder;
import io.github.bigllama.internal.pager.Pager;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The contexts of a model, and what keeps its weights in memory. Guarded by the model. */
final class Contexts {
    private final Path path;
    private final ModelLoader.Loaded loaded;
    private final boolean hasDraft;
    private final @Nullable MediaEncoder media;

    /** Created when the model is loaded, or by the first context that leaves too little RAM. */
    private Optional<Pager> pager;

    /** Those of several sequences, by the options that were asked for. */
    private final Map<SessionOptions, Context> shared = new HashMap<>();

    Contexts(Path path, ModelLoader.Loaded loaded, boolean hasDraft, @Nullable MediaEncoder media) {
        this.media = media;
        this.path = path;
        this.loaded = loaded;
        this.hasDraft = hasDraft;
        this.pager = loaded.pager();
    }

    /** What keeps the right weights in memory; empty if all of them fit. */
    Optional<Pager> pager() {
        return pager;
    }

    /**
     * Opens a lane of a context with these options, or of a new one.
     *
     * @throws SessionException if a new one can't be created
     * @throws IllegalStateException if all sequences of the one that there is are in use
     */
    Lane open(SessionOptions options) {
        Optional<Lane> joined = sharing(options).flatMap(Context::open);
        if (joined.isPresent()) {
            return joined.get();
        }
        Context context = create(options);
        if (options.sequences() > 1) {
            shared.put(options, context);
        }
        return context.open().orElseThrow();
    }

    /** The context that was opened with these options, or has them now that they are decided. */
    private Optional<Context> sharing(SessionOptions options) {
        Context former = shared.get(options);
        return former != null
                ? Optional.of(former)
                : shared.values().stream()
                        .filter(context -> context.options().equals(options))
                        .findFirst();
    }

    /** Forgets contexts that have been closed with their last session. */
    void tidy() {
        shared.values().removeIf(Context::isClosed);
    }

    /**
     * Opens a context that computes numbers for texts.
     *
     * @param noun what it is for, in messages
     * @param pooling of {@code enum llama_pooling_type}
     * @param values how many numbers a text gets
     * @param adapters must not be closed before it
     * @throws SessionException if it can't be created
     */
    Encoder openEncoder(
            String noun, SessionOptions options, int pooling, int values, Adapters adapters) {
        SessionOptions fitting = fit(options);
        return new Encoder(
                noun + " of " + path,
                loaded.handle().pointer(),
                fitting,
                pooling,
                values,
                adapters,
                loaded.sizes(),
                pager.orElse(null));
    }

    /**
     * What a server is given.
     *
     * @param options of its context, which fit into RAM
     * @param isPaged whether weights are read from disk
     */
    record Served(SessionOptions options, ServedContext context, boolean isPaged) {}

    /**
     * Prepares for the context of a server.
     *
     * @throws SessionException if there is too little RAM
     */
    Served serve(SessionOptions options) {
        SessionOptions fitting = fit(options);
        Pager own = pager.orElse(null);
        if (own != null && fitting.microBatchSize() == SessionOptions.AUTO_MICRO_BATCH) {
            int batch = rules().streamingBatch(fitting, own::weightRam);
            fitting = fitting.withBatchSizes(batch, batch);
        }
        return new Served(fitting, new ServedContext(fitting, loaded.sizes(), own), own != null);
    }

    private MemoryFit rules() {
        return rules(false);
    }

    private MemoryFit rules(boolean drafts) {
        return new MemoryFit(
                path,
                loaded,
                llama_h.llama_model_n_ctx_train(loaded.handle().pointer()),
                pager.map(Pager::ownBytes).orElse(0L),
                drafts);
    }

    /** The options that fit into RAM; from then on weights are managed, if not all fit beside. */
    private SessionOptions fit(SessionOptions options) {
        return fit(options, false);
    }

    /** The same, beside what the layers that predict further tokens take if they draft. */
    private SessionOptions fit(SessionOptions options, boolean drafts) {
        MemoryFit fit = rules(drafts);
        SessionOptions fitting = fit.resolve(options);
        if (pager.isEmpty() && loaded.isManaged() && !fit.fitsBesideAll(fitting)) {
            pager = page();
        }
        return fitting;
    }

    private Context create(SessionOptions options) {
        boolean mtp =
                usesMtp(options)
                        && (options.speculation() == Speculation.MTP
                                || rules().affordsMtp(fit(options)));
        SessionOptions fitting = fit(options, mtp);
        try {
            return create(fitting, mtp);
        } catch (SessionException e) {
            if (!mtp || options.speculation() == Speculation.MTP) {
                throw e;
            }
            return create(fit(options), false);
        }
    }

    private Context create(SessionOptions fitting, boolean mtp) {
        return new Context(
                "session of " + path,
                loaded.handle().pointer(),
                speculating(batched(fitting, mtp), mtp),
                loaded.sizes(),
                pager.orElse(null),
                media,
                mtp);
    }

    /**
     * The options with the micro-batch decided, if the KV cache grows with it: llama.cpp would fill
     * a larger one with zeros before we could know its size.
     */
    private SessionOptions batched(SessionOptions fitting, boolean mtp) {
        boolean grows = llama_h.llama_model_n_swa(loaded.handle().pointer()) > 0;
        if (pager.isEmpty()
                || !grows
                || fitting.microBatchSize() != SessionOptions.AUTO_MICRO_BATCH) {
            return fitting;
        }
        int batch = rules(mtp).streamingBatch(fitting, pager.get()::weightRam);
        return fitting.withBatchSizes(fitting.batchSize(), batch);
    }

    /** Whether the model drafts by its own layers. */
    private boolean usesMtp(SessionOptions options) {
        if (options.speculation() == Speculation.MTP && !loaded.options().mtp()) {
            throw new IllegalArgumentException(
                    path
                            + " has no layers that predict further tokens (MTP) and can draft here,"
                            + " or was loaded without them; see ModelOptions.withMtp");
        }
        boolean isAsked =
                options.speculation() == Speculation.MTP
                        || options.speculation() == Speculation.AUTO
                                && !hasDraft
                                && pager.isPresent()
                                && !loaded.weights().hasExperts();
        // Sequences of a recurrent model can't go back by different numbers of tokens in one pass.
        return isAsked && loaded.options().mtp() && (canForget() || options.sequences() == 1);
    }

    /** Whether tokens can be taken back one by one, which a recurrent state can't. */
    private boolean canForget() {
        return !llama_h.llama_model_is_recurrent(loaded.handle().pointer())
                && !llama_h.llama_model_is_hybrid(loaded.handle().pointer());
    }

    /**
     * The options with the kind of speculation decided; each token of a draft has logits, as does
     * the one before it.
     */
    private SessionOptions speculating(SessionOptions options, boolean mtp) {
        if (options.speculation() == Speculation.DRAFT && !hasDraft) {
            throw new IllegalArgumentException(
                    "speculation needs a draft model, but the model was loaded without one; see "
                            + "ModelOptions.withDraftModel");
        }
        boolean pays =
                switch (options.speculation()) {
                    case OFF -> false;
                    case MTP -> mtp;
                    case AUTO -> mtp || canForget() && (hasDraft || pager.isPresent());
                    case NGRAM, DRAFT -> canForget();
                };
        if (!pays) {
            return options.withSpeculation(Speculation.OFF);
        }
        int outputs = Math.min(options.sequences() * (1 + DraftLength.MOST), options.batchSize());
        return options.withOutputs(Math.max(options.outputs(), outputs));
    }

    private Optional<Pager> page() {
        try {
            return Optional.of(
                    ModelLoader.pager(loaded.weights(), loaded.budget(), loaded.options()));
        } catch (InsufficientRamException e) {
            throw new SessionException(path + ": " + e.getMessage(), List.of());
        }
    }
}
