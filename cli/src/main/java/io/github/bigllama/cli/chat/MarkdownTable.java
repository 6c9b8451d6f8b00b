package io.github.bigllama.cli.chat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.commonmark.ext.gfm.tables.TableBlock;
import org.commonmark.ext.gfm.tables.TableCell;
import org.commonmark.node.Node;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStringBuilder;
import org.jline.utils.AttributedStyle;

/** A Markdown table in aligned columns that fits the terminal: cells are wrapped at words. */
final class MarkdownTable {
    private static final String BETWEEN = " │ ";
    private static final int LEAST = 3;

    private final List<List<AttributedString>> rows = new ArrayList<>();
    private final List<TableCell.Alignment> alignments = new ArrayList<>();

    MarkdownTable(TableBlock table, Markdown markdown) {
        for (Node part = table.getFirstChild(); part != null; part = part.getNext()) {
            for (Node row = part.getFirstChild(); row != null; row = row.getNext()) {
                boolean isHeader = rows.isEmpty();
                List<AttributedString> cells = new ArrayList<>();
                for (Node cell = row.getFirstChild(); cell != null; cell = cell.getNext()) {
                    cells.add(
                            markdown.inline(
                                    cell,
                                    isHeader
                                            ? AttributedStyle.DEFAULT.bold()
                                            : AttributedStyle.DEFAULT));
                    if (isHeader && cell instanceof TableCell heading) {
                        alignments.add(heading.getAlignment());
                    }
                }
                rows.add(cells);
            }
        }
    }

    List<AttributedString> lines(int width) {
        int[] widths = widths(width);
        List<AttributedString> lines = new ArrayList<>();
        for (int i = 0; i < rows.size(); i++) {
            lines.addAll(row(rows.get(i), widths));
            if (i == 0) {
                lines.add(rule(widths));
            }
        }
        return lines;
    }

    /**
     * The widths of the columns: those of the content, with the widest columns reduced to fit the
     * terminal.
     */
    private int[] widths(int width) {
        int[] widths = new int[alignments.size()];
        for (List<AttributedString> row : rows) {
            for (int i = 0; i < Math.min(widths.length, row.size()); i++) {
                widths[i] = Math.max(widths[i], row.get(i).columnLength());
            }
        }
        int room = width - BETWEEN.length() * (widths.length - 1);
        int excess = Arrays.stream(widths).sum() - room;
        while (excess > 0) {
            int widest = 0;
            for (int i = 1; i < widths.length; i++) {
                widest = widths[i] > widths[widest] ? i : widest;
            }
            if (widths[widest] <= LEAST) {
                break;
            }
            widths[widest]--;
            excess--;
        }
        return widths;
    }

    private List<AttributedString> row(List<AttributedString> cells, int[] widths) {
        List<List<AttributedString>> wrapped = new ArrayList<>();
        int height = 1;
        for (int i = 0; i < widths.length; i++) {
            List<AttributedString> lines =
                    i < cells.size()
                            ? WordWrap.wrap(cells.get(i), widths[i])
                            : Collections.emptyList();
            wrapped.add(lines);
            height = Math.max(height, lines.size());
        }
        List<AttributedString> lines = new ArrayList<>();
        for (int line = 0; line < height; line++) {
            AttributedStringBuilder builder = new AttributedStringBuilder();
            for (int i = 0; i < widths.length; i++) {
                AttributedString text =
                        line < wrapped.get(i).size()
                                ? wrapped.get(i).get(line)
                                : new AttributedString("");
                int pad = Math.max(0, widths[i] - text.columnLength());
                int left = left(alignments.get(i), pad);
                builder.append(i == 0 ? "" : BETWEEN).append(" ".repeat(left)).append(text);
                builder.append(i == widths.length - 1 ? "" : " ".repeat(pad - left));
            }
            lines.add(builder.toAttributedString());
        }
        return lines;
    }

    private static int left(TableCell.Alignment alignment, int pad) {
        if (alignment == TableCell.Alignment.RIGHT) {
            return pad;
        }
        return alignment == TableCell.Alignment.CENTER ? pad / 2 : 0;
    }

    private static AttributedString rule(int[] widths) {
        StringBuilder rule = new StringBuilder();
        for (int i = 0; i < widths.length; i++) {
            rule.append(i == 0 ? "" : "─┼─").append("─".repeat(widths[i]));
        }
        return new AttributedString(rule, AttributedStyle.DEFAULT.faint());
    }
}
