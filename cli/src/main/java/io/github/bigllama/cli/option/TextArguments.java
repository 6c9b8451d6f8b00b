package io.github.bigllama.cli.option;

import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Terminals;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A text from the arguments, a file or standard input. */
public final class TextArguments {
    @Parameters(
            arity = "0..*",
            paramLabel = "TEXT",
            description = "The text; words are joined by spaces. None, or -, reads standard input.")
    List<String> words = new ArrayList<>();

    @Option(
            names = {"-f", "--file"},
            paramLabel = "FILE",
            description = "Read the text from this file.")
    Path file;

    /**
     * Reads the text.
     *
     * @param what what it is called in messages, for example {@code prompt}
     * @param wholeLines whether the end of the last line, which editors and echo write, is no part
     *     of a text that was read
     * @throws CommandException if there is none, or it cannot be read
     */
    public String read(String what, boolean wholeLines) {
        if (file != null) {
            if (!words.isEmpty()) {
                throw CommandException.usage(
                        "the "
                                + what
                                + " is given twice, by --file and by arguments; leave one out");
            }
            return cut(readFile(what), wholeLines);
        }
        boolean dash = words.equals(List.of("-"));
        if (!words.isEmpty() && !dash) {
            return String.join(" ", words);
        }
        if (!dash && Terminals.isTerminal(Terminals.STDIN)) {
            throw CommandException.usage(
                    "there is no "
                            + what
                            + "; give it as an argument, by --file, or through a pipe");
        }
        return cut(readStandardInput(what), wholeLines);
    }

    private static String cut(String text, boolean wholeLines) {
        if (!wholeLines || !text.endsWith("\n")) {
            return text;
        }
        return text.substring(0, text.length() - (text.endsWith("\r\n") ? 2 : 1));
    }

    private String readFile(String what) {
        try {
            return decode(Files.readAllBytes(file), file.toString());
        } catch (IOException e) {
            throw unreadable(what, file.toString(), e);
        }
    }

    // Not closed: standard input is not ours.
    @SuppressWarnings("resource")
    private static String readStandardInput(String what) {
        try {
            return decode(new FileInputStream(FileDescriptor.in).readAllBytes(), "standard input");
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

    /** Refuses what is not UTF-8: the model would see other characters than the user. */
    private static String decode(byte[] bytes, String source) throws IOException {
        ByteBuffer input = ByteBuffer.wrap(bytes);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(input).toString();
        } catch (CharacterCodingException e) {
            throw new IOException(
                    "not UTF-8 text (byte " + input.position() + " of " + bytes.length + ")", e);
        }
    }
}
