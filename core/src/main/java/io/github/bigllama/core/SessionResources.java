package io.github.bigllama.core;

import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.draft.DraftContext;
import io.github.bigllama.internal.draft.DraftLength;
import io.github.bigllama.internal.draft.Drafter;
import io.github.bigllama.internal.engine.Adapters;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.engine.SamplerChain;
import java.lang.ref.Cleaner;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The resources of a session outside of Java's heap. They are freed when the session is closed or
 * becomes unreachable, so nothing here may refer back to the session.
 */
final class SessionResources {
    /** Buffers for more tokens would take RAM from the weights, and read prompts no faster. */
    private static final int DRAFT_MICRO_BATCH = 64;

    private final LlamaModel model;
    private final Lane lane;
    private ModelAdapters.Use adapters;
    private final Lifetime lifetime;
    private final Optional<LlamaSession> draftSession;
    private final @Nullable Drafter drafter;
    private @Nullable SamplerChain sampler;

    SessionResources(
            LlamaModel model, Lane lane, SessionOptions options, Map<Adapter, Float> adapters) {
        this.model = model;
        this.lane = lane;
        this.adapters = model.loadedAdapters().use(adapters);
        try {
            lane.adapt(this.adapters.adapters());
            this.draftSession = draftSession(options);
            this.drafter = drafter(options);
        } catch (RuntimeException | Error e) {
            lane.adapt(Adapters.NONE);
            model.loadedAdapters().release(this.adapters);
            throw e;
        }
        this.lifetime = new Lifetime(model, "a session", this::free);
    }

    /** A session of the draft model, if one is used. */
    private Optional<LlamaSession> draftSession(SessionOptions options) {
        boolean guesses =
                options.speculation() == Speculation.AUTO
                        || options.speculation() == Speculation.DRAFT;
        if (!guesses) {
            return Optional.empty();
        }
        return model.draft()
                .map(
                        draft ->
                                draft.newSession(
                                        SessionOptions.defaults()
                                                .withContextSize(
                                                        options.contextSize()
                                                                + 1
                                                                + DraftLength.MOST)
                                                .withBatchSizes(
                                                        SessionOptions.defaults().batchSize(),
                                                        DRAFT_MICRO_BATCH)
                                                .withThreads(
                                                        options.threads(), options.batchThreads())
                                                .withSpeculation(Speculation.OFF)));
    }

    private @Nullable Drafter drafter(SessionOptions options) {
        if (options.speculation() == Speculation.OFF) {
            return null;
        }
        try {
            draftSession.ifPresent(session -> lane.besides(session.lane()));
            return new Drafter(
                    lane,
                    options.speculation(),
                    model.hasExperts(),
                    draftSession.map(s -> new DraftContext(s.lane())).orElse(null),
                    model.tokenizer()::isEndOfGeneration);
        } catch (RuntimeException | Error e) {
            draftSession.ifPresent(LlamaSession::close);
            throw e;
        }
    }

    /** Frees the resources when the session is closed or becomes unreachable. */
    Cleaner.Cleanable closeWith(LlamaSession session) {
        return lifetime.of(session);
    }

    /** Takes ownership of a new sampler. */
    synchronized SamplerChain open(SamplerChain newSampler) {
        sampler = newSampler;
        return newSampler;
    }

    synchronized void closeSampler() {
        if (sampler != null) {
            sampler.close();
            sampler = null;
        }
    }

    /** Has the lane compute with other adapters, which can't be closed as long as it does. */
    synchronized void use(Map<Adapter, Float> scales) {
        ModelAdapters.Use next = model.loadedAdapters().use(scales);
        lane.adapt(next.adapters());
        model.loadedAdapters().release(adapters);
        adapters = next;
    }

    /** The adapters that the lane computes with. */
    synchronized Map<Adapter, Float> adapters() {
        return adapters.scales();
    }

    /** Who guesses tokens of the session. */
    @Nullable Drafter drafter() {
        return drafter;
    }

    private void free() {
        closeSampler();
        if (drafter != null) {
            drafter.close();
        }
        draftSession.ifPresent(LlamaSession::close);
        lane.close();
        model.loadedAdapters().release(adapters);
    }
}
