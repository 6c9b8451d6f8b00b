package io.github.bigllama.internal.threads;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * Makes native calls for virtual threads. Such a call would block one of the few carrier threads,
 * for seconds if weights are read from disk; so a platform thread makes it.
 */
public final class PlatformThread<T> implements Runnable {
    private static final ExecutorService THREADS =
            Executors.newCachedThreadPool(
                    Thread.ofPlatform().daemon().name("bigllama-pass-", 0).factory());

    private final Supplier<T> call;
    private final CompletableFuture<T> result = new CompletableFuture<>();

    /** Null before the call has begun, and after it has ended. */
    private Thread runner;

    private boolean isInterrupted;

    private PlatformThread(Supplier<T> call) {
        this.call = call;
    }

    /** Starts a task on a platform thread, which nobody interrupts. */
    public static void start(Runnable task) {
        THREADS.execute(task);
    }

    /**
     * Makes the call and always waits for its end. Interrupting the caller interrupts the call; the
     * caller stays interrupted.
     */
    public static <T> T call(Supplier<T> call) {
        if (!Thread.currentThread().isVirtual()) {
            return call.get();
        }
        PlatformThread<T> task = new PlatformThread<>(call);
        THREADS.execute(task);
        return task.await();
    }

    private T await() {
        boolean wasInterrupted = false;
        try {
            while (true) {
                try {
                    return result.get();
                } catch (InterruptedException e) {
                    wasInterrupted = true;
                    interrupt();
                }
            }
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error error) {
                throw error;
            }
            throw (RuntimeException) e.getCause();
        } finally {
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    @Override
    public void run() {
        begin();
        T value = null;
        Throwable failure = null;
        try {
            value = call.get();
        } catch (RuntimeException | Error e) {
            failure = e;
        }
        end();
        if (failure == null) {
            result.complete(value);
        } else {
            result.completeExceptionally(failure);
        }
    }

    private synchronized void begin() {
        runner = Thread.currentThread();
        if (isInterrupted) {
            runner.interrupt();
        }
    }

    private synchronized void end() {
        runner = null;
        // The thread continues with other calls.
        Thread.interrupted();
    }

    private synchronized void interrupt() {
        isInterrupted = true;
        if (runner != null) {
            runner.interrupt();
        }
    }
}
