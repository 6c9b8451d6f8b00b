package io.github.bigllama.cli.output;

import io.github.bigllama.cli.process.Terminals;
import java.io.PrintStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * One line on a terminal about something that takes more than a second, gone when it is done. What
 * is quick, or not watched at a terminal, prints nothing.
 */
public final class ProgressLine implements AutoCloseable {
    private static final long PATIENCE_MILLIS = 1000;
    private static final long INTERVAL_MILLIS = 200;
    private static final String ERASE = "\r\033[K";

    private final PrintStream err;
    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread painter;
    private volatile String text;

    /** Starts to watch; shows nothing before {@link #update} was called. */
    public ProgressLine(PrintStream err) {
        this.err = err;
        painter = Thread.ofPlatform().daemon().name("bigllama-progress").start(this::paint);
    }

    public void update(String newText) {
        text = newText;
    }

    /** Erases the line; nothing is printed afterwards. */
    @Override
    public void close() {
        done.countDown();
        boolean interrupted = false;
        while (true) {
            try {
                painter.join();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    private void paint() {
        try {
            if (done.await(PATIENCE_MILLIS, TimeUnit.MILLISECONDS)
                    || !Terminals.isTerminal(Terminals.STDERR)) {
                return;
            }
            String shown = null;
            do {
                String current = text;
                if (current != null && !current.equals(shown)) {
                    err.print(ERASE + current);
                    err.flush();
                    shown = current;
                }
            } while (!done.await(INTERVAL_MILLIS, TimeUnit.MILLISECONDS));
            if (shown != null) {
                err.print(ERASE);
                err.flush();
            }
        } catch (InterruptedException e) {
            // Nobody interrupts it; if it happens, there is just no progress.
        }
    }
}
