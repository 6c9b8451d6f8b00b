package io.github.bigllama.cli.output;

import java.util.ArrayList;
import java.util.List;

/** Rows of text in aligned columns. */
public final class Table {
    private final boolean[] right;
    private final List<String[]> rows = new ArrayList<>();

    /**
     * A table with one column per letter: l is aligned left, for text, and r right, for numbers.
     */
    public Table(String alignment) {
        right = new boolean[alignment.length()];
        for (int i = 0; i < right.length; i++) {
            right[i] = alignment.charAt(i) == 'r';
        }
    }

    public Table row(String... cells) {
        if (cells.length != right.length) {
            throw new IllegalArgumentException(cells.length + " cells in " + right.length);
        }
        String[] shown = new String[cells.length];
        for (int i = 0; i < cells.length; i++) {
            // Names of files may have line ends.
            shown[i] = Printable.text(cells[i]).replaceAll("[\n\t]", " ");
        }
        rows.add(shown);
        return this;
    }

    /** Lines without line ends. */
    public List<String> lines() {
        int[] widths = new int[right.length];
        for (String[] row : rows) {
            for (int i = 0; i < row.length; i++) {
                widths[i] = Math.max(widths[i], row[i].length());
            }
        }
        List<String> lines = new ArrayList<>();
        for (String[] row : rows) {
            StringBuilder line = new StringBuilder();
            for (int i = 0; i < row.length; i++) {
                String pad = " ".repeat(widths[i] - row[i].length());
                line.append(i == 0 ? "" : "  ").append(right[i] ? pad + row[i] : row[i] + pad);
            }
            lines.add(line.toString().stripTrailing());
        }
        return lines;
    }
}
