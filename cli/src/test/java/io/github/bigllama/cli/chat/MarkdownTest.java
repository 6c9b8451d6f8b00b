package io.github.bigllama.cli.chat;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MarkdownTest {
    /** Styles as letters: b bold, c code, d dim, 0 none. */
    private static String render(String text, int pieceLength) {
        Markdown markdown = new Markdown(true);
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i += pieceLength) {
            out.append(
                    markdown.render(text.substring(i, Math.min(text.length(), i + pieceLength))));
        }
        return out.append(markdown.end())
                .toString()
                .replace("\033[1m", "<b>")
                .replace("\033[36m", "<c>")
                .replace("\033[2m", "<d>")
                .replace("\033[0m", "<0>");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '"',
            value = {
                "plain text|plain text",
                "a **bold** word|a <0><b>bold<0> word",
                "2 * 3 ** 4|2 * 3 ** 4",
                "* a list|* a list",
                "use `x * y` here|use <0><c>x * y<0> here",
                "# Title|<b># Title<0>",
                "C# is #1|C# is #1",
                "#hashtag|#hashtag",
                "an ***odd*** one|an ***odd*** one",
                "**open|<0><b>open<0>",
                "ends with *|ends with *",
                "it's ``|it's ``"
            })
    void marksBecomeStyles(String text, String expected) {
        for (int length = 1; length <= text.length(); length++) {
            assertThat(render(text, length)).isEqualTo(expected);
        }
    }

    @Test
    void codeIsLeftAsItIs() {
        String text = "See:\n```java\nint **p = `x`; # no\n```\nand **that**.\n";
        String expected =
                "See:\n<d>```java<0><c>\nint **p = `x`; # no\n<d>```<0>\nand <0><b>that<0>.\n";
        for (int length = 1; length <= text.length(); length++) {
            assertThat(render(text, length)).isEqualTo(expected);
        }
    }

    @Test
    void withoutStylesNothingChanges() {
        Markdown markdown = new Markdown(false);
        assertThat(markdown.render("# **a** `b`\n```\n") + markdown.end())
                .isEqualTo("# **a** `b`\n```\n");
    }
}
