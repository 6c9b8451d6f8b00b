package io.github.bigllama.cli.chat;

import org.jline.terminal.Terminal;
import org.jline.utils.AttributedString;

/**
 * A line below the text that a terminal shows. All is relative to the cursor, which stays at the
 * end of the text when the terminal changes its size and breaks lines anew; with fixed places on
 * the screen, the text would continue somewhere else then. Not thread-safe.
 */
final class StatusLine {
    /** One row down and up again: at the bottom of the screen, the text moves up. */
    private static final String MAKE_ROOM = "\033D\033[A";

    private static final String SAVE = "\0337";
    private static final String RESTORE = "\0338";
    private static final String NEXT_LINE = "\033[B\r";
    private static final String CLEAR_BELOW = "\033[J";

    private final Terminal terminal;

    /** Null if there is none. */
    private AttributedString shown;

    StatusLine(Terminal terminal) {
        this.terminal = terminal;
    }

    /** Shows a line, or none for an empty one. */
    void show(AttributedString line) {
        erase();
        shown = line.length() == 0 ? null : line;
        draw();
    }

    /** Changes the text above, and makes sure that the line is below it afterwards. */
    void above(Runnable change) {
        erase();
        change.run();
        draw();
    }

    private void erase() {
        if (shown != null) {
            terminal.writer().print(CLEAR_BELOW);
        }
    }

    private void draw() {
        if (shown != null) {
            // One row, whatever the size has become.
            AttributedString row =
                    shown.columnSubSequence(0, Math.max(1, terminal.getSize().getColumns() - 1));
            terminal.writer().print(MAKE_ROOM + SAVE + NEXT_LINE + row.toAnsi(terminal) + RESTORE);
        }
        terminal.writer().flush();
    }
}
