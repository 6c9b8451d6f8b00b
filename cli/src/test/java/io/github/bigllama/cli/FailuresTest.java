package io.github.bigllama.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.StderrLoggers;
import io.github.bigllama.core.exception.PromptTooLongException;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class FailuresTest {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final PrintStream err = new PrintStream(bytes, true, StandardCharsets.UTF_8);

    @AfterEach
    void quiet() {
        StderrLoggers.setVerbose(false);
    }

    private String printed() {
        return bytes.toString(StandardCharsets.UTF_8);
    }

    @Test
    void messagesForUsersAreTheWholeLine() {
        assertThat(Failures.report(new IllegalArgumentException("the text is empty"), err))
                .isEqualTo(2);
        assertThat(printed()).isEqualTo("bigllama: the text is empty\n");
    }

    @Test
    void valuesAreNamedAsTheOptionsThatSetThem() {
        assertThat(Failures.report(new IllegalArgumentException("topK is -1"), err)).isEqualTo(2);
        assertThat(printed()).isEqualTo("bigllama: --top-k is -1\n");
    }

    @Test
    void remediesAreOptionsToo() {
        assertThat(Failures.message(new PromptTooLongException(900, 512)))
                .isEqualTo(
                        "prompt of 900 tokens does not fit the context of 512 tokens; shorten it, "
                                + "reset the chat, or set a larger context with -c");
        assertThat(Failures.message(new IllegalArgumentException("ram is 5 bytes")))
                .isEqualTo("--ram is 5 bytes");
    }

    @Test
    void unexpectedOnesNameThemselves() {
        assertThat(Failures.report(new IllegalStateException("oops"), err)).isEqualTo(1);
        assertThat(printed())
                .isEqualTo(
                        "bigllama: unexpected java.lang.IllegalStateException: oops;"
                                + " run with --verbose for the trace\n");
    }

    @Test
    void verboseAddsTheTrace() {
        StderrLoggers.setVerbose(true);
        Failures.report(new IllegalStateException("oops"), err);
        assertThat(printed())
                .startsWith("bigllama: unexpected java.lang.IllegalStateException: oops\n")
                .contains("\tat io.github.bigllama.cli.FailuresTest");
    }

    @Test
    void whatTheUserDidIsNotReported() {
        assertThat(Failures.report(new CancellationException("cancelled"), err)).isEqualTo(130);
        assertThat(
                        Failures.report(
                                new CommandException(ExitCode.BROKEN_PIPE, "broken pipe", null),
                                err))
                .isEqualTo(141);
        assertThat(printed()).isEmpty();
    }

    @Test
    void reasonsOfInputErrorsAreNotFileNames() {
        assertThat(CommandException.reason(new NoSuchFileException("/x")))
                .isEqualTo("no such file");
        assertThat(CommandException.reason(new AccessDeniedException("/x")))
                .isEqualTo("permission denied");
        assertThat(CommandException.reason(new IOException("disk on fire")))
                .isEqualTo("disk on fire");
    }

    @ParameterizedTest
    @ValueSource(strings = {"run -f", "run --image", "run --batch", "run -m", "embed --file"})
    void noFileHasAnEmptyName(String option) {
        String[] words = option.split(" ");
        assertThat(Main.commandLine().execute(words[0], words[1], "", "a text")).isEqualTo(2);
    }

    @Test
    void aNameThatTheLocaleCanNotWrite() {
        String before = System.setProperty("sun.jnu.encoding", "ANSI_X3.4-1968");
        try {
            assertThat(Failures.message(new InvalidPathException("x.gguf", "unmappable")))
                    .isEqualTo(
                            "x.gguf: file names are in ANSI_X3.4-1968 in this locale, which lacks a "
                                    + "character of this one; set the environment variable LC_ALL to "
                                    + "C.UTF-8");
        } finally {
            System.setProperty("sun.jnu.encoding", before);
        }
    }
}
