package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.output.Printable;
import java.util.ArrayList;
import java.util.List;
import org.commonmark.ext.gfm.tables.TableBlock;
import org.commonmark.ext.gfm.tables.TablesExtension;
import org.commonmark.node.BlockQuote;
import org.commonmark.node.BulletList;
import org.commonmark.node.Code;
import org.commonmark.node.Emphasis;
import org.commonmark.node.FencedCodeBlock;
import org.commonmark.node.HardLineBreak;
import org.commonmark.node.Heading;
import org.commonmark.node.HtmlBlock;
import org.commonmark.node.HtmlInline;
import org.commonmark.node.Image;
import org.commonmark.node.IndentedCodeBlock;
import org.commonmark.node.Link;
import org.commonmark.node.LinkReferenceDefinition;
import org.commonmark.node.ListBlock;
import org.commonmark.node.Node;
import org.commonmark.node.OrderedList;
import org.commonmark.node.SoftLineBreak;
import org.commonmark.node.StrongEmphasis;
import org.commonmark.node.Text;
import org.commonmark.node.ThematicBreak;
import org.commonmark.parser.IncludeSourceSpans;
import org.commonmark.parser.Parser;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStringBuilder;
import org.jline.utils.AttributedStyle;

/**
 * Lays out Markdown for a terminal: wrapped at words, without its marks. If colours are not wanted,
 * the marks of code stay.
 *
 * @param colors whether code may be marked by its colour
 */
record Markdown(boolean colors) implements Layout {
    private static final AttributedStyle PLAIN = AttributedStyle.DEFAULT;
    private static final AttributedStyle CODE = PLAIN.foreground(AttributedStyle.CYAN);
    private static final AttributedString EMPTY = new AttributedString("");
    private static final int RULE = 40;

    private static final Parser PARSER =
            Parser.builder()
                    .extensions(List.of(TablesExtension.create()))
                    .includeSourceSpans(IncludeSourceSpans.BLOCKS)
                    .build();

    @Override
    public Lines lay(String text, int width) {
        int open = open(text);
        int openLine = 0;
        List<AttributedString> lines = new ArrayList<>();
        for (Node block : children(PARSER.parse(text))) {
            if (!lines.isEmpty()) {
                lines.add(EMPTY);
            }
            if (start(block) == open) {
                openLine = lines.size();
            }
            lines.addAll(block(block, width));
        }
        return new Lines(lines, openLine, open);
    }

    /**
     * The index of the block that may still grow. An unfinished line decides nothing: it may become
     * the next row of a table, or another block.
     */
    private static int open(String text) {
        List<Node> blocks = children(PARSER.parse(text.substring(0, text.lastIndexOf('\n') + 1)));
        return blocks.isEmpty() ? 0 : start(blocks.getLast());
    }

    private static int start(Node block) {
        return block.getSourceSpans().getFirst().getInputIndex();
    }

    /** A continuation of a code block begins with its fence. */
    @Override
    public String again(String text) {
        return PARSER.parse(text).getLastChild() instanceof FencedCodeBlock code
                        && code.getClosingFenceLength() == null
                ? code.getFenceCharacter().repeat(code.getOpeningFenceLength()) + "\n"
                : "";
    }

    private static List<Node> children(Node parent) {
        List<Node> children = new ArrayList<>();
        for (Node child = parent.getFirstChild(); child != null; child = child.getNext()) {
            // Definitions of link targets show nothing, and have no place in the text.
            if (!(child instanceof LinkReferenceDefinition)) {
                children.add(child);
            }
        }
        return children;
    }

    private List<AttributedString> block(Node block, int width) {
        return switch (block) {
            case Heading heading -> WordWrap.wrap(inline(heading, PLAIN.bold()), width);
            case BlockQuote quote -> quote(quote, width);
            case ListBlock list -> list(list, width);
            case FencedCodeBlock code ->
                    code(code.getLiteral(), code.getFenceCharacter(), code.getInfo());
            case IndentedCodeBlock code -> code(code.getLiteral(), "`", "");
            case HtmlBlock html -> WordWrap.wrap(text(html.getLiteral(), PLAIN), width);
            case ThematicBreak rule ->
                    List.of(text("─".repeat(Math.min(width, RULE)), PLAIN.faint()));
            case TableBlock table -> new MarkdownTable(table, this).lines(width);
            default -> WordWrap.wrap(inline(block, PLAIN), width);
        };
    }

    private List<AttributedString> blocks(Node parent, int width, boolean isTight) {
        List<AttributedString> lines = new ArrayList<>();
        for (Node child : children(parent)) {
            if (!lines.isEmpty() && !isTight) {
                lines.add(EMPTY);
            }
            lines.addAll(block(child, width));
        }
        return lines;
    }

    private List<AttributedString> quote(BlockQuote quote, int width) {
        return blocks(quote, width - 2, false).stream()
                .map(line -> AttributedString.join(EMPTY, text("│ ", PLAIN.faint()), line))
                .toList();
    }

    private List<AttributedString> list(ListBlock list, int width) {
        List<AttributedString> lines = new ArrayList<>();
        int number =
                list instanceof OrderedList ordered && ordered.getMarkerStartNumber() != null
                        ? ordered.getMarkerStartNumber()
                        : 1;
        for (Node item : children(list)) {
            if (!lines.isEmpty() && !list.isTight()) {
                lines.add(EMPTY);
            }
            String marker = list instanceof BulletList ? "• " : number++ + ". ";
            String indent = " ".repeat(marker.length());
            List<AttributedString> content = blocks(item, width - marker.length(), list.isTight());
            if (content.isEmpty()) {
                lines.add(text(marker.strip(), PLAIN));
            }
            for (int i = 0; i < content.size(); i++) {
                AttributedString line = content.get(i);
                lines.add(
                        line.length() == 0 && i > 0
                                ? EMPTY
                                : AttributedString.join(
                                        EMPTY, text(i == 0 ? marker : indent, PLAIN), line));
            }
        }
        return lines;
    }

    /** Not wrapped, so that it can be copied: the terminal breaks lines that are too wide. */
    private List<AttributedString> code(String literal, String fence, String info) {
        String content = literal == null ? "" : literal;
        String lines =
                content.endsWith("\n") ? content.substring(0, content.length() - 1) : content;
        if (!colors) {
            String marks = fence.repeat(3);
            lines = marks + (info == null ? "" : info) + "\n" + lines + "\n" + marks;
        }
        return WordWrap.wrap(text(lines, colors ? CODE : PLAIN), Integer.MAX_VALUE);
    }

    /** The text in a block or a cell. */
    AttributedString inline(Node parent, AttributedStyle style) {
        AttributedStringBuilder builder = new AttributedStringBuilder();
        for (Node child = parent.getFirstChild(); child != null; child = child.getNext()) {
            append(builder, child, style);
        }
        return builder.toAttributedString();
    }

    private void append(AttributedStringBuilder builder, Node node, AttributedStyle style) {
        switch (node) {
            case Text text -> builder.append(text(text.getLiteral(), style));
            case Code code ->
                    builder.append(
                            colors
                                    ? text(
                                            code.getLiteral(),
                                            style.foreground(AttributedStyle.CYAN))
                                    : text("`" + code.getLiteral() + "`", style));
            case Emphasis emphasis -> builder.append(inline(emphasis, style.italic()));
            case StrongEmphasis strong -> builder.append(inline(strong, style.bold()));
            case Link link -> link(builder, link, link.getDestination(), style);
            case Image image -> link(builder, image, image.getDestination(), style);
            case SoftLineBreak soft -> builder.append("\n");
            case HardLineBreak hard -> builder.append("\n");
            case HtmlInline html -> builder.append(text(html.getLiteral(), style));
            default -> builder.append(inline(node, style));
        }
    }

    private void link(
            AttributedStringBuilder builder, Node node, String target, AttributedStyle style) {
        AttributedString name = inline(node, style.underline());
        builder.append(name);
        String shown = name.toString();
        if (!target.isEmpty() && !target.equals(shown) && !target.equals("mailto:" + shown)) {
            builder.append(text((shown.isEmpty() ? "" : " ") + "(" + target + ")", style.faint()));
        }
    }

    private static AttributedString text(String text, AttributedStyle style) {
        return new AttributedString(Printable.text(text), style);
    }
}
