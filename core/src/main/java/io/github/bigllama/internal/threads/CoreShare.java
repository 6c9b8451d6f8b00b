package io.github.bigllama.internal.threads;

import io.github.bigllama.core.option.SessionOptions;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/**
 * Decides how many threads compute a pass. Unless the options set that, the cores that other
 * processes leave free are divided among the contexts that compute at the same time: ggml's threads
 * spin while they wait for each other, and if there are more of them than cores, most wait for one
 * that is not running.
 */
public final class CoreShare {
    /** A context that has just computed a token will most likely compute the next one. */
    private static final long BETWEEN_TOKENS_NANOS = TimeUnit.MILLISECONDS.toNanos(20);

    private static final long NOW_COMPUTING = Long.MAX_VALUE;

    /** The users that compute, and until when, in terms of {@link System#nanoTime}. */
    private static final Map<Object, Long> COMPUTING = new ConcurrentHashMap<>();

    private final Object user;
    private final IntSupplier cores;
    private final int threads;
    private final int batchThreads;

    /**
     * The share of one context.
     *
     * @param user computes one pass at a time: the context, or all contexts that take turns
     * @param cores number of cores that other processes leave to this one
     */
    public CoreShare(Object user, SessionOptions options, IntSupplier cores) {
        this.user = user;
        this.cores = cores;
        threads = options.threads();
        batchThreads = options.batchThreads() == 0 ? threads : options.batchThreads();
    }

    /** Begins a pass; returns its share of the cores. */
    int begin() {
        long now = System.nanoTime();
        COMPUTING.put(user, NOW_COMPUTING);
        COMPUTING.values().removeIf(until -> until != NOW_COMPUTING && until - now < 0);
        return Math.max(1, cores.getAsInt() / Math.max(1, COMPUTING.size()));
    }

    /** Ends a pass. */
    void end() {
        COMPUTING.put(user, System.nanoTime() + BETWEEN_TOKENS_NANOS);
    }

    /** Notes that no pass will follow soon; one of another context that takes turns goes on. */
    void leave() {
        COMPUTING.computeIfPresent(user, (any, until) -> until == NOW_COMPUTING ? until : null);
    }

    /** Number of threads that generate, with this share of the cores. */
    int threads(int share) {
        return threads == 0 ? share : threads;
    }

    /** Number of threads that compute prompts, with this share of the cores. */
    int batchThreads(int share) {
        return batchThreads == 0 ? share : batchThreads;
    }
}
