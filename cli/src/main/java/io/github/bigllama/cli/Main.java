package io.github.bigllama.cli;

import io.github.bigllama.cli.process.ExitCode;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ParseResult.GroupMatch;

/** The entry point of the program {@code bigllama}. */
public final class Main {
    private Main() {}

    /** Runs one command and exits with its code. */
    public static void main(String[] args) {
        // UTF-8 whatever the locale, because models write UTF-8.
        System.setOut(utf8(FileDescriptor.out));
        System.setErr(utf8(FileDescriptor.err));
        // The home folder that a shell uses, if set; Java asks the user database instead.
        String home = System.getenv("HOME");
        if (home != null && home.startsWith("/") && Files.isDirectory(Path.of(home))) {
            System.setProperty("user.home", home);
        }
        // Scripts parse numbers, and they occur in file names.
        Locale.setDefault(Locale.ROOT);
        System.exit(run(args));
    }

    /** Runs one command. */
    static int run(String... args) {
        CommandLine commandLine = commandLine();
        int exitCode;
        try {
            exitCode = commandLine.execute(args);
        } catch (Error e) {
            // picocli handles exceptions only.
            return Failures.report(e, System.err);
        }
        // Of picocli's own output, which keeps errors to itself.
        if (exitCode == ExitCode.OK && commandLine.getOut().checkError()) {
            System.err.println("bigllama: cannot write to standard output");
            return ExitCode.FAILED;
        }
        return exitCode;
    }

    static CommandLine commandLine() {
        CommandLine commandLine =
                new CommandLine(new BigLlama())
                        .setOut(new PrintWriter(System.out, true))
                        .setErr(new PrintWriter(System.err, true))
                        .registerConverter(Path.class, Failures::path)
                        // A prompt may begin with @.
                        .setExpandAtFiles(false)
                        .setExecutionStrategy(
                                result -> {
                                    requireOnce(result);
                                    return new CommandLine.RunLast().execute(result);
                                })
                        .setExecutionExceptionHandler(
                                (e, command, result) -> Failures.report(e, System.err))
                        .setParameterExceptionHandler(
                                (e, arguments) -> Failures.report(e, System.err));
        // Its options are llama-server's, too, where -ctk is no -c tk.
        commandLine.getSubcommands().get("serve").setPosixClusteredShortOptionsAllowed(false);
        BigLlama.describe(commandLine);
        return commandLine;
    }

    /**
     * When an option of a group is repeated, picocli begins the whole group anew and forgets its
     * earlier options.
     */
    private static void requireOnce(ParseResult result) {
        for (ParseResult part = result; part != null; part = part.subcommand()) {
            for (ArgGroupSpec group : part.commandSpec().argGroups()) {
                List<GroupMatch> matches =
                        part.findMatches(group).stream()
                                .flatMap(container -> container.matches().stream())
                                .toList();
                if (matches.size() > 1) {
                    String option =
                            group.options().stream()
                                    .filter(spec -> !matches.get(1).matchedValues(spec).isEmpty())
                                    .map(OptionSpec::longestName)
                                    .findFirst()
                                    .orElse("an option");
                    throw new ParameterException(
                            part.commandSpec().commandLine(), option + " is given twice");
                }
            }
        }
    }

    private static PrintStream utf8(FileDescriptor file) {
        return new PrintStream(new FileOutputStream(file), true, StandardCharsets.UTF_8);
    }
}
