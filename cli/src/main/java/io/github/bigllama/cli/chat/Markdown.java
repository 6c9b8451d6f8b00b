package io.github.bigllama.cli.chat;

/**
 * Markdown as it comes, piece by piece, for a terminal: headings and bold text bold, code in a
 * colour, and its marks gone. What can't be shown is left as it is. Without styles all is.
 */
final class Markdown {
    private static final String BOLD = "\033[1m";
    private static final String CODE = "\033[36m";
    private static final String DIM = "\033[2m";
    private static final String PLAIN = "\033[0m";
    private static final String FENCE = "```";

    private final boolean styled;

    /** What may turn out to be a mark. */
    private final StringBuilder held = new StringBuilder();

    private final StringBuilder out = new StringBuilder();
    private boolean atLineStart = true;
    private boolean inFence;
    private boolean inFenceLine;
    private boolean inCode;
    private boolean bold;
    private boolean heading;

    Markdown(boolean styled) {
        this.styled = styled;
    }

    /** What to print for a piece; some of it may come with a later one. */
    String render(String piece) {
        if (!styled) {
            return piece;
        }
        out.setLength(0);
        piece.codePoints().forEach(this::next);
        return out.toString();
    }

    /** What is left, at the end; begins anew. */
    String end() {
        out.setLength(0);
        flush();
        if (inFence || inFenceLine || inCode || bold || heading) {
            out.append(PLAIN);
        }
        atLineStart = true;
        inFence = false;
        inFenceLine = false;
        inCode = false;
        bold = false;
        heading = false;
        return out.toString();
    }

    private void next(int c) {
        if (isMark(c)) {
            held.appendCodePoint(c);
            return;
        }
        resolve(c);
        if (c == '\n') {
            endLine();
        } else {
            out.appendCodePoint(c);
            atLineStart = false;
        }
    }

    /** Whether a character goes on with a mark, or may begin one. */
    private boolean isMark(int c) {
        if (!held.isEmpty() && held.charAt(0) != c) {
            return false;
        }
        return switch (c) {
            case '`' -> true;
            case '*' -> !inFence && !inCode;
            case '#' -> !inFence && !inCode && (atLineStart || !held.isEmpty());
            default -> false;
        };
    }

    /** The mark that was held is followed by this. */
    private void resolve(int next) {
        if (held.isEmpty()) {
            return;
        }
        String mark = held.toString();
        held.setLength(0);
        if (mark.startsWith(FENCE) && atLineStart) {
            inFenceLine = true;
            inFence = !inFence;
            out.append(DIM).append(mark);
        } else if (inFence) {
            out.append(mark);
        } else if (mark.equals("`")) {
            inCode = !inCode;
            out.append(PLAIN).append(inCode ? CODE : bold || heading ? BOLD : "");
        } else if (mark.equals("**") && (bold || !Character.isWhitespace(next))) {
            bold = !bold;
            out.append(PLAIN).append(bold || heading ? BOLD : "");
        } else if (mark.charAt(0) == '#' && next == ' ' && mark.length() <= 6) {
            heading = true;
            out.append(BOLD).append(mark);
        } else {
            out.append(mark);
        }
        atLineStart = false;
    }

    private void endLine() {
        if (inFenceLine) {
            out.append(PLAIN).append(inFence ? CODE : "");
        } else if (heading) {
            out.append(PLAIN).append(bold ? BOLD : "");
        }
        inFenceLine = false;
        heading = false;
        out.append('\n');
        atLineStart = true;
    }

    private void flush() {
        resolve('\n');
    }
}
