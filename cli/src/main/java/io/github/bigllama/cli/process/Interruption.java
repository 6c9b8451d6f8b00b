package io.github.bigllama.cli.process;

import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;

/**
 * Ends a computation in good order when Ctrl-C or another signal asks for it: the one place that
 * says what Ctrl-C does.
 *
 * <p>As long as the JVM has the signal, the process ends: the computation is cancelled, the JVM
 * waits until this is closed, and exits with 128 + the signal's number by itself. That is a
 * shutdown hook; it needs no {@code sun.misc} and serves every signal. A chat takes Ctrl-C from the
 * JVM and calls {@link #press} instead, which cancels and lets the process live.
 *
 * <p>Safe for use by several threads.
 */
public final class Interruption implements AutoCloseable {
    /** Then the JVM ends, whatever the computation does. */
    private static final long PATIENCE_SECONDS = 10;

    private final Thread hook = new Thread(this::end, "bigllama-interruption");
    private boolean requested;
    private boolean ending;
    private boolean idle;
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

    /** What to do when cancelling is asked for; at once, if it has been. */
    public synchronized void onRequest(Runnable newAction) {
        action = newAction;
        if (requested) {
            action.run();
        }
    }

    /** Whether cancelling was asked for, since the last {@link #idle}. */
    public synchronized boolean isRequested() {
        return requested;
    }

    /** From now on the user is waited for: nothing is left to cancel, and the JVM may end. */
    public synchronized void idle() {
        idle = true;
        requested = ending;
        action = () -> {};
        notifyAll();
    }

    /** Whether the user is waited for. */
    public synchronized boolean isIdle() {
        return idle;
    }

    /**
     * From now on there is something to cancel again. A {@link #press} after {@link #idle} was
     * meant for this.
     *
     * @throws CancellationException if the process is ending
     */
    public synchronized void busy() {
        if (ending) {
            throw new CancellationException("the process is ending");
        }
        idle = false;
    }

    /** Ctrl-C, where the JVM does not get it: cancels, and the second time ends the process. */
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
            // The JVM is ending: the hook is running, and now returns.
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
            // Then the JVM ends now.
        }
    }
}
