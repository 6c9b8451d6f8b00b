package io.github.bigllama.core;

import java.lang.System.Logger.Level;
import java.lang.ref.Cleaner;

/**
 * The time for which something of a model has resources outside of Java's heap: until it is closed,
 * or becomes unreachable, which is warned of. Neither this nor what frees the resources may refer
 * to the object that has them.
 */
final class Lifetime implements Runnable {
    private static final System.Logger LOGGER = System.getLogger("io.github.bigllama.session");
    private static final Cleaner CLEANER =
            Cleaner.create(Thread.ofPlatform().name("bigllama-cleaner").daemon().factory());

    private final LlamaModel model;
    private final String noun;
    private final Runnable free;
    private final String opened;
    private volatile boolean isForgotten = true;

    /**
     * Begins a lifetime, which the model must outlast.
     *
     * @param noun what has the resources, with its article, in messages: "a session"
     * @param free frees them
     */
    Lifetime(LlamaModel model, String noun, Runnable free) {
        this.model = model;
        this.noun = noun;
        this.free = free;
        this.opened = caller();
        model.opened(this);
    }

    /** Where the program opened it: the first stack frame outside of this library. */
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
        return name.equals(Lifetime.class.getName())
                || name.equals(SessionResources.class.getName())
                || name.equals(LlamaSession.class.getName())
                || name.equals(TextEncoder.class.getName())
                || name.equals(Embedder.class.getName())
                || name.equals(Reranker.class.getName())
                || name.equals(LlamaServer.class.getName())
                || name.equals(LlamaModel.class.getName())
                || name.equals("io.github.bigllama.core.chat.Chat");
    }

    /** Ends it when the owner becomes unreachable, or with what is returned. */
    Cleaner.Cleanable of(Object owner) {
        Cleaner.Cleanable cleanable = CLEANER.register(owner, this);
        return () -> {
            isForgotten = false;
            cleanable.clean();
        };
    }

    /** Ends it, for an owner that can't become unreachable. */
    void end() {
        isForgotten = false;
        run();
    }

    @Override
    public String toString() {
        return noun + " opened at " + opened;
    }

    @Override
    public void run() {
        try {
            warn();
        } finally {
            free.run();
            model.closed(this);
        }
    }

    private void warn() {
        if (isForgotten) {
            LOGGER.log(
                    Level.WARNING,
                    "{0} of {1} became unreachable without being closed; it is closed now. "
                            + "It was opened at {2}: close it there, best with try-with-resources",
                    noun,
                    model.path(),
                    opened);
        }
    }
}
