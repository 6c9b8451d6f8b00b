package io.github.bigllama.internal.engine;

import java.util.Locale;
import java.util.concurrent.atomic.AtomicReference;

/** Lets one thread at a time use a session. Thread-safe. */
final class Occupancy {
    private final AtomicReference<Thread> user = new AtomicReference<>();

    /**
     * Lets the caller in.
     *
     * @throws WrongThreadException while another thread is inside
     * @throws IllegalStateException if the caller itself is inside, further up the stack
     */
    void enter() {
        Thread caller = Thread.currentThread();
        Thread inside = user.compareAndExchange(null, caller);
        if (inside == caller) {
            throw new IllegalStateException(
                    "session is computing further up in this call; don't use it from a callback");
        }
        if (inside != null) {
            throw new WrongThreadException(
                    "session is in use by %s; use one session per thread, or close() its TokenStream first"
                            .formatted(describe(inside)));
        }
    }

    void exit() {
        user.set(null);
    }

    /** Describes a thread for messages; virtual threads have no names by default. */
    static String describe(Thread thread) {
        return (thread.isVirtual() ? "virtual thread " : "thread ")
                + (thread.getName().isEmpty()
                        ? "#" + thread.threadId()
                        : String.format(
                                Locale.ROOT, "'%s' (#%d)", thread.getName(), thread.threadId()));
    }
}
