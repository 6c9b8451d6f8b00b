package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.output.Printable;
import java.util.ArrayList;
import java.util.List;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStyle;

/** Breaks lines between words. */
final class WordWrap {
    private WordWrap() {}

    /** Breaks a text into lines of at most {@code width} columns; a longer word is broken. */
    static List<AttributedString> wrap(AttributedString text, int width) {
        List<AttributedString> lines = new ArrayList<>();
        int start = 0;
        for (int i = 0; i <= text.length(); i++) {
            if (i == text.length() || text.charAt(i) == '\n') {
                wrapLine(text.subSequence(start, i), Math.max(1, width), lines);
                start = i + 1;
            }
        }
        return lines;
    }

    private static void wrapLine(AttributedString line, int width, List<AttributedString> lines) {
        AttributedString rest = line;
        while (rest.columnLength() > width) {
            int most = rest.columnSubSequence(0, width).length();
            int space = rest.charAt(most) == ' ' ? most : lastSpace(rest, most);
            if (space <= 0) {
                // A character that is wider than the line has to go somewhere.
                int end = Math.max(1, most);
                lines.add(rest.subSequence(0, end));
                rest = rest.subSequence(end, rest.length());
            } else {
                lines.add(rest.subSequence(0, space));
                rest = rest.subSequence(space + 1, rest.length());
            }
        }
        lines.add(rest);
    }

    /** The last space after a word: spaces at the beginning of a line are its indentation. */
    private static int lastSpace(AttributedString text, int before) {
        int word = 0;
        while (word < before && text.charAt(word) == ' ') {
            word++;
        }
        for (int i = before - 1; i > word; i--) {
            if (text.charAt(i) == ' ') {
                return i;
            }
        }
        return 0;
    }

    /** Plain text in one style. */
    record Plain(AttributedStyle style) implements Layout {
        @Override
        public Lines lay(String text, int width) {
            int open = text.lastIndexOf('\n') + 1;
            List<AttributedString> lines =
                    new ArrayList<>(
                            open == 0
                                    ? List.of()
                                    : wrap(styled(text.substring(0, open - 1)), width));
            int openLine = lines.size();
            lines.addAll(wrap(styled(text.substring(open)), width));
            return new Lines(lines, openLine, open);
        }

        private AttributedString styled(String text) {
            return new AttributedString(Printable.text(text), style);
        }

        @Override
        public String again(String text) {
            return "";
        }
    }
}
