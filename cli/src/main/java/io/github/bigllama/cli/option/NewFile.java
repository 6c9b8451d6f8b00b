package io.github.bigllama.cli.option;

import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Eta;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.DoublePredicate;
import picocli.CommandLine.Option;

/** A large file that a command writes. */
public final class NewFile {
    @Option(names = "--force", description = "Replace the file if it exists.")
    boolean force;

    /** Writes a file, and asks repeatedly whether to go on. */
    public interface Writer {
        void write(DoublePredicate progress) throws IOException;
    }

    /** Writes the file, unless that would overwrite another; with progress on a terminal. */
    public void write(Path file, Writer writer) {
        check(file);
        write(file, () -> {}, writer);
    }

    /** Prints the name and the size of the file. */
    public static void report(Path file) {
        try {
            Output.standard().println(file + ": " + ByteSize.format(Files.size(file)));
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED, "cannot read " + file + ": " + CommandException.reason(e), e);
        }
    }

    /**
     * Refuses to overwrite a file without {@code --force}, and anything but a file ever: a device
     * would be replaced by a file.
     */
    public void check(Path file) {
        if (Files.isDirectory(file)) {
            throw CommandException.usage(file + " is a folder; name the file to write");
        }
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            throw CommandException.usage(
                    file + " is a pipe or a device; name a regular file to write");
        }
        if (!force && Files.exists(file)) {
            throw CommandException.usage(file + " exists; --force replaces it");
        }
    }

    /**
     * Writes the file without the check.
     *
     * @param cancel ends the writing, called on another thread, for a writer that seldom asks
     */
    public void write(Path file, Runnable cancel, Writer writer) {
        try (Interruption interruption = new Interruption();
                ProgressLine line = new ProgressLine(System.err)) {
            interruption.onRequest(cancel);
            Eta eta = new Eta();
            writer.write(
                    fraction -> {
                        line.update("writing %s: %s".formatted(file, eta.text(fraction)));
                        return !interruption.isRequested();
                    });
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED, "cannot write " + file + ": " + CommandException.reason(e), e);
        }
    }
}
