package io.github.bigllama.cli.output;

/**
 * Makes text from a model, a file or a server safe to show at a terminal: an escape sequence in it
 * could move the cursor, set the title or fill the clipboard.
 */
public final class Printable {
    private Printable() {}

    /** Several lines: control characters except line ends and tabs are shown as {@code \x1B}. */
    public static String text(String text) {
        int clean = 0;
        while (clean < text.length() && isHarmless(text.charAt(clean))) {
            clean++;
        }
        if (clean == text.length()) {
            return text;
        }
        StringBuilder shown = new StringBuilder(text.substring(0, clean));
        for (int i = clean; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\r') {
                // A lone carriage return is shown too, because it would overwrite the line.
                boolean isFirstOfTwo = i + 1 < text.length() && text.charAt(i + 1) == '\n';
                shown.append(isFirstOfTwo ? "" : "\n");
            } else if (isHarmless(c)) {
                shown.append(c);
            } else {
                shown.append("\\x%02X".formatted((int) c));
            }
        }
        return shown.toString();
    }

    /**
     * One line: line ends and tabs become spaces, other control characters are shown as by {@link
     * #text}.
     */
    public static String line(String text) {
        return text(text).replaceAll("\\s+", " ");
    }

    private static boolean isHarmless(char c) {
        return c == '\n' || c == '\t' || !Character.isISOControl(c);
    }
}
