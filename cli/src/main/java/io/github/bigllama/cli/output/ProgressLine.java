package io.github.bigllama.cli.output;

import io.github.bigllama.cli.process.Terminals;
import java.io.PrintStream;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jline.utils.AttributedString;

/**
 * One line on a terminal about a task that takes more than a second, erased when the task is done.
 * Nothing is printed for quick tasks, or without a terminal.
 */
public final class ProgressLine implements AutoCloseable {
    private static final long PATIENCE_MILLIS = 1000;
    private static final long INTERVAL_MILLIS = 200;
    private static final String ERASE = "\r\033[K";
    private static final int USUAL_COLUMNS = 80;
    private static final String CUT = "…";

    /** Shorter names are not worth showing. */
    private static final int SHORTEST = 8;

    private final PrintStream err;
    private final CountDownLatch done = new CountDownLatch(1);
    private final Thread painter;
    private volatile Text text;

    /** The text on the screen; guarded by the lock of err. */
    private String shown;

    /** Starts to watch; shows nothing before {@link #update} was called. */
    public ProgressLine(PrintStream err) {
        this.err = err;
        painter = Thread.ofPlatform().daemon().name("bigllama-progress").start(this::paint);
    }

    public void update(String newText) {
        update("", "", newText);
    }

    /**
     * As {@link #update(String)}, with a name that is shortened to its end where there is little
     * room.
     */
    public void update(String before, String name, String after) {
        text = new Text(before, name, after);
    }

    /** Prints a line that stays. */
    public void say(String line) {
        synchronized (err) {
            if (shown != null) {
                err.print(ERASE);
                shown = null;
            }
            err.println(line);
        }
    }

    /** A text that can be fitted into a number of columns. */
    record Text(String before, String name, String after) {
        String fit(int columns) {
            int room = columns - width(before) - width(after);
            String middle = name;
            if (width(name) > room) {
                int kept = Math.max(SHORTEST, room) - 1;
                middle = width(name) <= kept ? name : CUT + last(name, kept);
            }
            String all = before + middle + after;
            return width(all) <= columns
                    ? all
                    : new AttributedString(all)
                                    .columnSubSequence(0, Math.max(0, columns - 1))
                                    .toString()
                            + CUT;
        }

        private static String last(String name, int columns) {
            int all = width(name);
            return new AttributedString(name).columnSubSequence(all - columns, all).toString();
        }

        private static int width(String text) {
            return new AttributedString(text).columnLength();
        }
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
            do {
                show();
            } while (!done.await(INTERVAL_MILLIS, TimeUnit.MILLISECONDS));
            synchronized (err) {
                if (shown != null) {
                    err.print(ERASE);
                    err.flush();
                }
            }
        } catch (InterruptedException e) {
            // Nobody interrupts this thread; if it happens, the line is just not updated.
        }
    }

    private void show() {
        Text current = text;
        if (current == null) {
            return;
        }
        // After the last column the cursor would be on the next line.
        String line =
                current.fit(
                        Terminals.size(Terminals.STDERR)
                                        .map(Terminals.Size::columns)
                                        .orElse(USUAL_COLUMNS)
                                - 1);
        synchronized (err) {
            if (!line.equals(shown)) {
                err.print(ERASE + line);
                err.flush();
                shown = line;
            }
        }
    }
}
