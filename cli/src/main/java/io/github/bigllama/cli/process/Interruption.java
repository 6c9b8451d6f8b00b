package io.github.bigllama.cli.process;

import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;

/**
 * Ends a computation cleanly on Ctrl-C or another signal: the one place that decides what Ctrl-C
 * does.
 *
 * <p>If the JVM handles the signal, the process ends: a shutdown hook cancels the computation and
 * waits until this is closed, and the JVM exits with 128 + the signal's number. That needs no
 * {@code sun.misc} and works for every signal. A chat handles Ctrl-C instead of the JVM and calls
 * {@link #press}, which cancels the computation and keeps the process alive.
 *
 * <p>Safe for use by several threads.
 */
public final class Interruption implements AutoCloseable {
    /** The longest that the JVM waits for the computation to end. */
    private static final long PATIENCE_SECONDS = 10;

    private final Thread hook = new Thread(this::end, "bigllama-interruption");
    private boolean requested;
    private boolean ending;
    private boolean idle;
    private Runnable action = () -> {};

    /**
     * Begins a task that can be cancelled. Close it as soon as there is nothing left to cancel,
     * because the JVM waits for that.
     *
     * @throws CancellationException if the process is already ending
     */
    public Interruption() {
        try {
            Runtime.getRuntime().addShutdownHook(hook);
        } catch (IllegalStateException e) {
            throw new CancellationException("the process is ending");
        }
    }

    /**
     * Sets the action that cancels the task; it is run at once if cancelling has been asked for.
     */
    public synchronized void onRequest(Runnable newAction) {
        action = newAction;
        if (requested) {
            action.run();
        }
    }

    /** Whether cancelling has been asked for since the last {@link #idle}. */
    public synchronized boolean isRequested() {
        return requested;
    }

    /** Begins to wait for the user: there is nothing to cancel, and the JVM may end. */
    public synchronized void idle() {
        idle = true;
        requested = ending;
        action = () -> {};
        notifyAll();
    }

    /** Whether the program is waiting for the user. */
    public synchronized boolean isIdle() {
        return idle;
    }

    /**
     * Begins a task again. A {@link #press} after {@link #idle} cancels this task.
     *
     * @throws CancellationException if the process is ending
     */
    public synchronized void busy() {
        if (ending) {
            throw new CancellationException("the process is ending");
        }
        idle = false;
    }

    /** Handles Ctrl-C instead of the JVM: cancels, and the second time ends the process. */
    public void press() {
        synchronized (this) {
            if (!requested) {
                requested = true;
                action.run();
                return;
            }
        }
        System.exit(ExitCode.INTERRUPTED);
    }

    /** Lets the JVM end. */
    @Override
    public void close() {
        idle();
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException e) {
            // The JVM is ending: the hook is running, and returns now.
        }
    }

    private synchronized void end() {
        requested = true;
        ending = true;
        action.run();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        try {
            for (long left; !idle && (left = deadline - System.nanoTime()) > 0; ) {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            }
        } catch (InterruptedException e) {
            // Then the JVM ends without waiting.
        }
    }
}
