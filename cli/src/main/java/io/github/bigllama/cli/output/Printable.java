package io.github.bigllama.cli.output;

/**
 * Text of a model, a file or a server as it can be shown at a terminal: an escape sequence in it
 * would move the cursor, set the title or fill the clipboard.
 */
public final class Printable {
    private Printable() {}

    /** Several lines: control characters but line ends and tabs are shown as {@code \x1B}. */
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
                // A line end by itself too, lest what stands on the line be written over.
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

    /** One line: line ends and tabs are shown as spaces, other control characters as above. */
    public static String line(String text) {
        return text(text).replaceAll("\\s+", " ");
    }

    private static boolean isHarmless(char c) {
        return c == '\n' || c == '\t' || !Character.isISOControl(c);
    }
}
