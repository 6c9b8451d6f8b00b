package io.github.bigllama.core;

import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.internal.draft.DraftContext;
import io.github.bigllama.internal.draft.Drafter;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.engine.SamplerChain;
import java.lang.System.Logger.Level;
import java.lang.ref.Cleaner;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The resources of a session outside of Java's heap. They are freed when the session is closed or
 * becomes unreachable, so nothing here may refer back to the session.
 */
final class SessionResources implements Runnable {
    private static final System.Logger LOGGER = System.getLogger("io.github.bigllama.session");
    private static final Cleaner CLEANER =
            Cleaner.create(Thread.ofPlatform().name("bigllama-cleaner").daemon().factory());

    private final LlamaModel model;
    private final Lane lane;
    private final String opened;
    private final Optional<LlamaSession> draftSession;
    private final Optional<Drafter> drafter;
    private @Nullable SamplerChain sampler;
    private volatile boolean isForgotten = true;

    SessionResources(LlamaModel model, Lane lane, SessionOptions options) {
        this.model = model;
        this.lane = lane;
        this.draftSession = model.newDraftSession(options);
        this.drafter = drafter(options);
        this.opened = caller();
        model.sessionOpened(this);
    }

    private Optional<Drafter> drafter(SessionOptions options) {
        if (options.speculation() == Speculation.OFF) {
            return Optional.empty();
        }
        try {
            return Optional.of(
                    new Drafter(
                            lane,
                            options.speculation(),
                            model.hasExperts(),
                            draftSession.map(s -> new DraftContext(s.lane()))));
        } catch (RuntimeException | Error e) {
            draftSession.ifPresent(LlamaSession::close);
            throw e;
        }
    }

    /** Where the program opened the session: the first stack frame outside of this library. */
    private static String caller() {
        return StackWalker.getInstance()
                .walk(
                        frames ->
                                frames.filter(frame -> !isOurs(frame.getClassName()))
                                        .findFirst()
                                        .map(frame -> frame.toStackTraceElement().toString()))
                .orElse("an unknown place");
    }

    private static boolean isOurs(String name) {
        return name.equals(SessionResources.class.getName())
                || name.equals(LlamaSession.class.getName())
                || name.equals(LlamaModel.class.getName())
                || name.equals("io.github.bigllama.core.chat.Chat");
    }

    /** Frees the resources when the session is closed or becomes unreachable. */
    Cleaner.Cleanable closeWith(LlamaSession session) {
        Cleaner.Cleanable cleanable = CLEANER.register(session, this);
        return () -> {
            isForgotten = false;
            cleanable.clean();
        };
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

    /** Who guesses tokens of the session. */
    Optional<Drafter> drafter() {
        return drafter;
    }

    /** Where the session was opened. */
    String opened() {
        return opened;
    }

    @Override
    public void run() {
        if (isForgotten) {
            LOGGER.log(
                    Level.WARNING,
                    "a session of {0} became unreachable without being closed; it is closed now. "
                            + "It was opened at {1}: close it there, best with try-with-resources",
                    model.path(),
                    opened);
        }
        free();
    }

    private void free() {
        closeSampler();
        drafter.ifPresent(Drafter::close);
        draftSession.ifPresent(LlamaSession::close);
        lane.close();
        model.sessionClosed(this);
    }
}
