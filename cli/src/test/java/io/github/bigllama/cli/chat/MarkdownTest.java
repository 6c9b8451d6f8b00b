package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.jline.utils.AttributedString;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MarkdownTest {
    private static final String LONG =
            """
            # Title

            Some *words* and **more** of them, with `code` and a [link](https://example.org/).
            - one
            - two that is longer than the line and goes on

            | a | b |
            |---|--:|
            | 1 | 22 |

            ```java
            int **p = `x`; # no

            ```
            > quoted
            1. first
            2. second

            end""";

    private static List<String> lines(String text, int width, boolean colors) {
        return new Markdown(colors)
                .lay(text, width).lines().stream().map(MarkdownTest::tagged).toList();
    }

    /** Styles as letters: b bold, i italic, u underlined, c code, d dim; 0 none. */
    private static String tagged(AttributedString line) {
        return line.toAnsi()
                .replace("\033[1m", "<b>")
                .replace("\033[3m", "<i>")
                .replace("\033[4m", "<u>")
                .replace("\033[36m", "<c>")
                .replace("\033[2m", "<d>")
                .replace("\033[24;2m", "<d>")
                .replace("\033[0m", "<0>");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "plain text|plain text",
                "a **bold** word|a <b>bold<0> word",
                "an *italic* word|an <i>italic<0> word",
                "2 * 3 ** 4|2 * 3 ** 4",
                "* a list|• a list",
                "1. first|1. first",
                "7. seventh|7. seventh",
                "use `x * y` here|use <c>x * y<0> here",
                "# Title|<b>Title<0>",
                "C# is #1|C# is #1",
                "#hashtag|#hashtag",
                "**open|**open",
                "ends with *|ends with *",
                "it's ``|it's ``",
                "> said|<d>│ <0>said",
                "see [here](https://a.example/)|see <u>here<d> (https://a.example/)<0>",
                "<https://a.example/>|<u>https://a.example/<0>",
                "snake_case_name|snake_case_name",
                "a <b>tag</b>|a <b>tag</b>",
                "5 < 6 & 7|5 < 6 & 7"
            })
    void marksBecomeStyles(String text, String expected) {
        assertThat(lines(text, 80, true)).containsExactly(expected);
    }

    @Test
    void codeIsLeftAsItIs() {
        String text = "See:\n```java\nint **p = `x`; # no\n\n  and a line that is too wide\n```\n";
        assertThat(lines(text, 20, true))
                .containsExactly(
                        "See:",
                        "",
                        "<c>int **p = `x`; # no<0>",
                        "",
                        "<c>  and a line that is too wide<0>");
    }

    @Test
    void withoutColoursTheMarksOfCodeStay() {
        assertThat(lines("`b`\n\n```sh\nls\n```\n", 80, false))
                .containsExactly("`b`", "", "```sh", "ls", "```");
    }

    @Test
    void linesAreBrokenBetweenWords() {
        assertThat(lines("the quick brown fox jumps", 10, true))
                .containsExactly("the quick", "brown fox", "jumps");
        assertThat(lines("- the quick brown fox\n  - jumps over it\n", 12, true))
                .containsExactly("• the quick", "  brown fox", "  • jumps", "    over it");
        assertThat(lines("> the quick brown fox", 12, true))
                .containsExactly("<d>│ <0>the quick", "<d>│ <0>brown fox");
        assertThat(lines("incomprehensibilities", 10, true))
                .containsExactly("incomprehe", "nsibilitie", "s");
        assertThat(lines("日本語の文章です", 6, true)).containsExactly("日本語", "の文章", "です");
    }

    @Test
    void columnsOfATableAreAligned() {
        assertThat(lines("|a|number|\n|---|--:|\n|long name|1|\n|b|22|\n", 80, false))
                .containsExactly(
                        "<b>a<0>         │ <b>number<0>",
                        "<d>──────────┼───────<0>",
                        "long name │      1",
                        "b         │     22");
    }

    @Test
    void escapeSequencesAreShown() {
        assertThat(lines("a\033]0;title\007b `\033[2J`", 80, true).toString())
                .doesNotContain("\033")
                .doesNotContain("\007");
    }

    /** What is painted piece by piece is what the whole text looks like. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 40})
    void aTextThatGrowsLooksLikeTheWhole(int length) {
        for (int width : new int[] {12, 30, 80}) {
            Markdown markdown = new Markdown(true);
            StringBuilder open = new StringBuilder();
            List<String> closed = new ArrayList<>();
            List<String> last = List.of();
            for (int i = 0; i < LONG.length(); i += length) {
                open.append(LONG, i, Math.min(LONG.length(), i + length));
                Layout.Lines lines = markdown.lay(open.toString(), width);
                List<String> all = lines.lines().stream().map(MarkdownTest::tagged).toList();
                last = all.subList(lines.openLine(), all.size());
                closed.addAll(all.subList(0, lines.openLine()));
                open.delete(0, lines.open());
            }
            closed.addAll(last);
            assertThat(closed).isEqualTo(lines(LONG, width, true));
        }
    }
}
