package io.github.bigllama.cli.chat;

import java.util.List;
import java.util.Locale;
import org.jline.terminal.Size;
import org.jline.terminal.Terminal;
import org.jline.utils.AttributedString;

/**
 * Shows a text at a terminal while it grows. The last block is redrawn when its layout changes: a
 * word does not fit on the line, or a column gets wider. Not thread-safe.
 */
final class AnswerPainter {
    private static final String CLEAR_LINE = "\r\033[K";

    /** The status line below the text. */
    private static final int STATUS_ROWS = 1;

    private final Terminal terminal;
    private final StringBuilder text = new StringBuilder();

    /** The lines of the text on the screen; the cursor is at the end of the last. */
    private List<AttributedString> shown = List.of();

    private Size size;

    AnswerPainter(Terminal terminal) {
        this.terminal = terminal;
        this.size = terminal.getSize();
    }

    /** Shows more of the text. */
    void add(String piece, Layout layout) {
        Size now = terminal.getSize();
        if (!now.equals(size)) {
            // The places of the lines on the screen are unknown now: the rest begins on a new line.
            String again = shown.isEmpty() ? text.toString() : layout.again(text.toString());
            end();
            text.append(again);
            size = now;
        }
        text.append(piece);
        Layout.Lines lines = layout.lay(text.toString(), width());
        paint(lines.lines());
        if (lines.open() > 0) {
            text.delete(0, lines.open());
            shown = List.copyOf(lines.lines().subList(lines.openLine(), lines.lines().size()));
        }
    }

    /** Something else was printed meanwhile: the rest of the text begins on a new line. */
    void moved() {
        size = new Size();
    }

    /** Ends the text; another one may begin. */
    void end() {
        if (!shown.isEmpty()) {
            print("\r\n");
        }
        text.setLength(0);
        shown = List.of();
        size = terminal.getSize();
    }

    private int width() {
        return Math.max(1, size.getColumns());
    }

    private void paint(List<AttributedString> lines) {
        int same = 0;
        while (same < Math.min(shown.size(), lines.size())
                && lines.get(same).equals(shown.get(same))) {
            same++;
        }
        if (same == shown.size()) {
            append(lines, same, "");
        } else if (same == shown.size() - 1
                && same < lines.size()
                && startsWith(lines.get(same), shown.get(same))) {
            AttributedString line = lines.get(same);
            append(
                    lines,
                    same + 1,
                    ansi(line.subSequence(shown.get(same).length(), line.length())));
        } else {
            rewrite(lines, same);
        }
        shown = List.copyOf(lines);
    }

    private void append(List<AttributedString> lines, int from, String before) {
        StringBuilder out = new StringBuilder(before);
        for (int i = from; i < lines.size(); i++) {
            out.append(i == 0 ? "" : "\r\n").append(ansi(lines.get(i)));
        }
        print(out.toString());
    }

    /** Redraws the lines that are still on the screen. */
    private void rewrite(List<AttributedString> lines, int from) {
        int first = Math.max(0, Math.min(from, lines.size() - 1));
        int up = rows(shown, first) - 1;
        while (up > size.getRows() - STATUS_ROWS - 1 && first < shown.size() - 1) {
            up -= rows(shown.get(first++));
        }
        int old = up + 1;
        StringBuilder out =
                new StringBuilder(up > 0 ? String.format(Locale.ROOT, "\033[%dA", up) : "");
        out.append(CLEAR_LINE);
        // Clears the old lines first; the cursor is then where they began.
        for (int i = 1; i < old; i++) {
            out.append("\r\n\033[K");
        }
        out.append(old > 1 ? String.format(Locale.ROOT, "\033[%dA\r", old - 1) : "");
        for (int i = first; i < lines.size(); i++) {
            out.append(i == first ? "" : "\r\n").append(ansi(lines.get(i)));
        }
        print(out.toString());
    }

    private int rows(List<AttributedString> lines, int from) {
        return lines.subList(from, lines.size()).stream().mapToInt(this::rows).sum();
    }

    /** The number of rows that a line takes: one that is too wide continues in the next row. */
    private int rows(AttributedString line) {
        return Math.max(1, (line.columnLength() + width() - 1) / width());
    }

    private static boolean startsWith(AttributedString line, AttributedString start) {
        return line.length() >= start.length() && line.subSequence(0, start.length()).equals(start);
    }

    private String ansi(AttributedString line) {
        return line.toAnsi(terminal);
    }

    private void print(String out) {
        terminal.writer().print(out);
        terminal.writer().flush();
    }
}
