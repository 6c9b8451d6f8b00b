package io.github.bigllama.cli.output;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Terminals;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Standard output: UTF-8 whatever the locale, unbuffered so that each piece appears at once, and
 * unlike {@link System#out} it reports when nobody reads it any more. On a terminal, escape
 * sequences in a text are shown, not obeyed; a file or a pipe gets the text unchanged.
 */
public final class Output {
    private static final String CLEAR_SCREEN = "\033[H\033[J";

    private final OutputStream stream;
    private final boolean isTerminal;
    private boolean lineOpen;

    Output(OutputStream stream, boolean isTerminal) {
        this.stream = stream;
        this.isTerminal = isTerminal;
    }

    public static Output standard() {
        return new Output(
                new FileOutputStream(FileDescriptor.out), Terminals.isTerminal(Terminals.STDOUT));
    }

    public void print(String text) {
        if (text.isEmpty()) {
            return;
        }
        write(isTerminal ? Printable.text(text) : text);
        lineOpen = !text.endsWith("\n");
    }

    /** Clears the screen of a terminal; the next line is its first. */
    public void clearScreen() {
        if (isTerminal) {
            write(CLEAR_SCREEN);
        }
    }

    private void write(String text) {
        try {
            stream.write(text.getBytes(StandardCharsets.UTF_8));
            stream.flush();
        } catch (IOException e) {
            String reason = CommandException.reason(e);
            throw new CommandException(
                    reason.contains("Broken pipe") ? ExitCode.BROKEN_PIPE : ExitCode.FAILED,
                    "cannot write to standard output: " + reason,
                    e);
        }
    }

    public void println(String line) {
        print(line + "\n");
    }

    /** Ends the line if there is text on it. */
    public void endLine() {
        if (lineOpen) {
            print("\n");
        }
    }
}
