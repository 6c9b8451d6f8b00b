package io.github.bigllama.cli;

import io.github.bigllama.cli.network.PullException;
import io.github.bigllama.cli.option.TextArguments;
import io.github.bigllama.cli.output.Printable;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.OptionNames;
import io.github.bigllama.cli.process.StderrLoggers;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.NativeLoadException;
import io.github.bigllama.core.gguf.GgufException;
import java.io.PrintStream;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CancellationException;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/** Turns exceptions into messages for the user and exit codes for the shell. */
public final class Failures {
    private Failures() {}

    /**
     * Prints why a command failed, with the stack trace if the user asked for it; returns the exit
     * code.
     */
    static int report(Throwable failure, PrintStream err) {
        int exitCode = exitCode(failure);
        // The user caused both, and sees so in the shell.
        if (exitCode != ExitCode.BROKEN_PIPE && exitCode != ExitCode.INTERRUPTED) {
            err.println(Printable.text("bigllama: " + message(failure)));
        }
        if (StderrLoggers.isVerbose()) {
            failure.printStackTrace(err);
        }
        return exitCode;
    }

    /** Prints in one line what is wrong with the arguments; returns the exit code. */
    static int report(CommandLine.ParameterException failure, PrintStream err) {
        String message = failure.getMessage().lines().findFirst().orElse("wrong arguments");
        if (failure instanceof CommandLine.UnmatchedArgumentException unmatched
                && failure.getCommandLine().getParent() == null
                && !unmatched.isUnknownOption()) {
            message = "there is no command " + unmatched.getUnmatched().getFirst();
        }
        CommandSpec spec = failure.getCommandLine().getCommandSpec();
        if (failure instanceof CommandLine.UnmatchedArgumentException unmatched
                && unmatched.isUnknownOption()
                && takesText(spec)) {
            message += "; put -- before a text that begins with -";
        }
        String command = spec.qualifiedName();
        err.println(Printable.text("bigllama: " + message + "; see " + command + " --help"));
        if (StderrLoggers.isVerbose()) {
            failure.printStackTrace(err);
        }
        return ExitCode.USAGE;
    }

    private static boolean takesText(CommandSpec spec) {
        return spec.positionalParameters().stream()
                .map(PositionalParamSpec::paramLabel)
                .anyMatch(
                        label -> List.of(TextArguments.LABEL, TextArguments.QUERY).contains(label));
    }

    static int exitCode(Throwable failure) {
        return switch (failure) {
            case CommandException e -> e.exitCode();
            case NativeLoadException e -> ExitCode.NO_NATIVES;
            case IllegalArgumentException e -> ExitCode.USAGE;
            case CancellationException e -> ExitCode.INTERRUPTED;
            default -> ExitCode.FAILED;
        };
    }

    /** The message for the user; messages of the library are written for users already. */
    static String message(Throwable failure) {
        return switch (failure) {
            case CommandException e -> e.getMessage();
            case LlamaException e -> OptionNames.of(e.getMessage());
            case GgufException e -> e.getMessage();
            case PullException e -> e.getMessage();
            case InvalidPathException e -> path(e);
            case IllegalArgumentException e ->
                    e.getMessage() == null ? unexpected(e) : OptionNames.of(e.getMessage());
            case OutOfMemoryError e -> "out of memory in Java: " + e.getMessage();
            case LinkageError e ->
                    "a part of this program can't be loaded (%s): it is damaged, or the limit of open files is too low; see ulimit -n"
                            .formatted(e.getMessage());
            default -> unexpected(failure);
        };
    }

    /** A file name, for picocli, whose own message would name the classes. */
    static Path path(String name) {
        if (name.isEmpty()) {
            // Java takes it for the current folder, a shell's variable that is not set for nothing.
            throw new CommandLine.TypeConversionException("the name of the file is empty");
        }
        try {
            return Path.of(name);
        } catch (InvalidPathException e) {
            throw new CommandLine.TypeConversionException(path(e));
        }
    }

    private static String path(InvalidPathException invalid) {
        String encoding = System.getProperty("sun.jnu.encoding", "UTF-8");
        return encoding.equals("UTF-8")
                ? invalid.getMessage()
                : "%s: file names are in %s in this locale, which lacks a character of this one; set the environment variable LC_ALL to C.UTF-8"
                        .formatted(invalid.getInput(), encoding);
    }

    private static String unexpected(Throwable failure) {
        return "unexpected "
                + failure
                + (StderrLoggers.isVerbose() ? "" : "; run with --verbose for the trace");
    }
}
