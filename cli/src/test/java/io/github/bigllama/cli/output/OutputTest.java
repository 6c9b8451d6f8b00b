package io.github.bigllama.cli.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OutputTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

    private String printed() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** Sets the title, fills the clipboard, clears the screen, hides text; the last in one byte. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "\033]0;title\007",
                "\033]52;c;bGxhbWE=\007",
                "\033[2J",
                "\033[8m",
                "\u009b2J",
                "\u0000",
                "\u007f",
                "\b"
            })
    void aTerminalSeesEscapeSequences(String sequence) {
        new Output(bytes, true).print("before" + sequence + "after\tthat\n");
        assertThat(printed()).startsWith("before\\x").endsWith("after\tthat\n");
        assertThat(printed().chars().filter(c -> c != '\n' && c != '\t'))
                .noneMatch(Character::isISOControl);
    }

    @Test
    void aLineIsNotWrittenOver() {
        new Output(bytes, true).print("rm -rf /\rls\r\n");
        assertThat(printed()).isEqualTo("rm -rf /\nls\n");
    }

    @Test
    void aFileGetsTheTextAsItIs() {
        Output output = new Output(bytes, false);
        output.print("a\033[2Jb\r\n");
        output.clearScreen();
        assertThat(printed()).isEqualTo("a\033[2Jb\r\n");
    }

    @Test
    void linesAreEndedOnce() {
        Output output = new Output(bytes, true);
        output.endLine();
        output.print("🦙");
        output.endLine();
        output.endLine();
        assertThat(printed()).isEqualTo("🦙\n");
    }
}
