package io.github.bigllama.cli.output;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Standard output: UTF-8 whatever the locale, unbuffered so that each piece is there at once, and
 * unlike {@link System#out} it says when the reader has gone.
 */
public final class Output {
    private final OutputStream stream;
    private boolean lineOpen;

    Output(OutputStream stream) {
        this.stream = stream;
    }

    public static Output standard() {
        return new Output(new FileOutputStream(FileDescriptor.out));
    }

    public void print(String text) {
        if (text.isEmpty()) {
            return;
        }
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
        lineOpen = !text.endsWith("\n");
    }

    public void println(String line) {
        print(line + "\n");
    }

    /** Ends the line if something stands on it. */
    public void endLine() {
        if (lineOpen) {
            print("\n");
        }
    }
}
