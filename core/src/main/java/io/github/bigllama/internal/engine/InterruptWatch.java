package io.github.bigllama.internal.engine;

import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.spi.AbstractInterruptibleChannel;

/**
 * Tells somebody at once when a thread is interrupted while it is in native code, where it can't
 * look for itself. Of the JDK's public classes only interruptible channels are told.
 */
final class InterruptWatch extends AbstractInterruptibleChannel {
    private final Runnable onInterrupt;

    private InterruptWatch(Runnable onInterrupt) {
        this.onInterrupt = onInterrupt;
    }

    /** A call whose end can be hastened. */
    interface Call<T> {
        T run();
    }

    /**
     * Runs a call.
     *
     * @param onInterrupt is run if this thread is interrupted meanwhile, or has been; by the thread
     *     that interrupts, perhaps a little after the call has ended
     */
    static <T> T during(Call<T> call, Runnable onInterrupt) {
        InterruptWatch watch = new InterruptWatch(onInterrupt);
        watch.begin();
        try {
            return call.run();
        } finally {
            watch.endQuietly();
        }
    }

    private void endQuietly() {
        try {
            end(true);
        } catch (AsynchronousCloseException e) {
            // The thread stays interrupted: its caller looks there.
        }
    }

    @Override
    protected void implCloseChannel() {
        onInterrupt.run();
    }
}
