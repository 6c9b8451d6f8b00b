package io.github.bigllama.cli;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;

/** The entry point of the program {@code bigllama}. */
public final class Main {
    private Main() {}

    /** Runs one command and exits with its code. */
    public static void main(String[] args) {
        // UTF-8 whatever the locale says: that is what models speak.
        System.setOut(utf8(FileDescriptor.out));
        System.setErr(utf8(FileDescriptor.err));
        System.exit(run(args));
    }

    /** Runs one command. */
    static int run(String... args) {
        return commandLine().execute(args);
    }

    static CommandLine commandLine() {
        CommandLine commandLine =
                new CommandLine(new BigLlama())
                        .setOut(new PrintWriter(System.out, true))
                        .setErr(new PrintWriter(System.err, true))
                        // A prompt may begin with @.
                        .setExpandAtFiles(false)
                        .setExecutionExceptionHandler(
                                (e, command, result) -> Failures.report(e, System.err))
                        .setParameterExceptionHandler(
                                (e, arguments) -> Failures.report(e, System.err));
        BigLlama.describe(commandLine);
        return commandLine;
    }

    private static PrintStream utf8(FileDescriptor file) {
        return new PrintStream(new FileOutputStream(file), true, StandardCharsets.UTF_8);
    }
}
