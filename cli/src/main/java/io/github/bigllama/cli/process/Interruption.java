package io.github.bigllama.cli.process;

import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Ends a computation in good order when the process is told to end, by Ctrl-C or another signal:
 * cancels it, and keeps the JVM from ending until this is closed. The JVM then exits with 128 + the
 * signal's number by itself.
 *
 * <p>A shutdown hook, not a signal handler: it needs no {@code sun.misc} and serves every signal.
 */
public final class Interruption implements AutoCloseable {
    /** Then the JVM ends, whatever the computation does. */
    private static final long PATIENCE_SECONDS = 10;

    private final CountDownLatch finished = new CountDownLatch(1);
    private final Thread hook = new Thread(this::interrupt, "bigllama-interruption");
    private boolean requested;
    private Runnable action = () -> {};

    /**
     * Begins something that can be cancelled; close it as soon as nothing is left to cancel,
     * because the JVM waits for that.
     *
     * @throws CancellationException if the process is ending already
     */
    public Interruption() {
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) {
            throw new CancellationException("the process is ending");
        }
    }

    /** What to do when the process is told to end; at once, if it has been. */
    public synchronized void onRequest(Runnable newAction) {
        action = newAction;
        if (requested) {
            action.run();
        }
    }

    /** Whether the process was told to end. */
    public synchronized boolean isRequested() {
        return requested;
    }

    /** Lets the JVM end. */
    @Override
    public void close() {
        finished.countDown();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is ending: the hook is running, and now returns.
        }
    }

    private void interrupt() {
        synchronized (this) {
            requested = true;
            action.run();
        }
        try {
            finished.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            // Then the JVM ends now.
        }
    }
}
