package io.github.bigllama.internal.threads;

import java.nio.channels.AsynchronousCloseException;
import java.nio.channels.spi.AbstractInterruptibleChannel;

/**
 * Runs an action at once when a thread is interrupted in native code, where it can't check. Among
 * the JDK's public classes only interruptible channels are notified.
 */
public final class InterruptWatch extends AbstractInterruptibleChannel {
    private final Runnable onInterrupt;

    private InterruptWatch(Runnable onInterrupt) {
        this.onInterrupt = onInterrupt;
    }

    /** A call that can be made to end early. */
    public interface Call<T> {
        T run();
    }

    /**
     * Runs a call.
     *
     * @param onInterrupt is run if this thread is interrupted meanwhile, or was before; on the
     *     interrupting thread, perhaps shortly after the call has ended
     */
    public static <T> T during(Call<T> call, Runnable onInterrupt) {
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
            // The thread stays interrupted, which its caller checks.
        }
    }

    @Override
    protected void implCloseChannel() {
        onInterrupt.run();
    }
}
