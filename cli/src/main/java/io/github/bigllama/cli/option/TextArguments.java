package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.StandardInput;
import io.github.bigllama.cli.process.Terminals;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A text from standard input, a file and the arguments. */
public final class TextArguments {
    /** The label of {@link Parameters} in a synopsis. */
    public static final String LABEL = "TEXT";

    /** The label of a text before others. */
    public static final String QUERY = "QUERY";

    private static final String BETWEEN = "\n\n";

    @Parameters(
            arity = "0..*",
            paramLabel = LABEL,
            description =
                    "The text; words are joined by spaces. Without words, or with - as the first, "
                            + "it is read from standard input. Text from a pipe or --file is put "
                            + "before the words, with an empty line between, unless each line is "
                            + "a text. Put -- before a text "
                            + "that begins with -.")
    List<String> words = new ArrayList<>();

    @Option(
            names = {"-f", "--file"},
            paramLabel = "FILE",
            description = "Read the text from this file.")
    Path file;

    /** Whether a text, or where it is, was given as an argument. */
    public boolean isGiven() {
        return file != null || !words.isEmpty();
    }

    /**
     * Reads the text.
     *
     * @param what the name of the text in messages, for example {@code prompt}
     * @param wholeLines whether to drop the end of the last line, which editors and echo write,
     *     from a text that was read
     * @throws CommandException if there is none, or it cannot be read
     */
    public String read(String what, boolean wholeLines) {
        List<String> parts = parts(what, words, file);
        int last = parts.size() - 1;
        boolean isReadLast = rest(words).isEmpty();
        for (int i = 0; i <= last; i++) {
            if (i < last || wholeLines && isReadLast) {
                parts.set(i, cut(parts.get(i)));
            }
        }
        // Programs without a terminal often start others with an empty pipe.
        parts.removeIf(part -> last > 0 && part.isEmpty());
        return String.join(BETWEEN, parts);
    }

    /**
     * Reads texts that are a line each; blank lines are texts, too.
     *
     * @param what the name of a text in messages, for example {@code document}
     * @throws CommandException if they cannot be read, or are to be typed
     */
    public List<String> readLines(String what) {
        return readLines(what, words, file);
    }

    /**
     * Reads lines, for a command whose arguments are not only a text.
     *
     * @param file null if there is none
     */
    public static List<String> readLines(String what, List<String> words, @Nullable Path file) {
        return parts(what, words, file).stream().flatMap(String::lines).toList();
    }

    private static boolean hasDash(List<String> words) {
        return !words.isEmpty() && words.getFirst().equals("-");
    }

    private static List<String> rest(List<String> words) {
        return hasDash(words) ? words.subList(1, words.size()) : words;
    }

    private static List<String> parts(String what, List<String> words, @Nullable Path file) {
        boolean dash = hasDash(words);
        List<String> rest = rest(words);
        boolean given = file != null || !rest.isEmpty();
        if (!given && !dash && Terminals.isTerminal(Terminals.STDIN)) {
            throw CommandException.usage(
                    "there is no "
                            + what
                            + "; give it as an argument, with --file, or through a pipe");
        }
        List<String> parts = new ArrayList<>();
        if (!given || dash || StandardInput.isPipeOrFile()) {
            parts.add(readStandardInput(what, given && !dash));
        }
        if (file != null) {
            parts.add(readFile(what, file));
        }
        if (!rest.isEmpty()) {
            parts.add(String.join(" ", rest));
        }
        return parts;
    }

    private static String cut(String text) {
        if (!text.endsWith("\n")) {
            return text;
        }
        return text.substring(0, text.length() - (text.endsWith("\r\n") ? 2 : 1));
    }

    private static String readFile(String what, Path file) {
        try {
            return Utf8.read(file);
        } catch (IOException e) {
            throw unreadable(what, file.toString(), e);
        }
    }

    private static String readStandardInput(String what, boolean beside) {
        try {
            return Utf8.decode(beside ? StandardInput.readBeside() : StandardInput.read());
        } catch (IOException e) {
            throw unreadable(what, "standard input", e);
        }
    }

    private static CommandException unreadable(String what, String source, IOException e) {
        return new CommandException(
                ExitCode.FAILED,
                "cannot read the " + what + " from " + source + ": " + CommandException.reason(e),
                e);
    }
}
