package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.option.Utf8;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.Printable;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jline.utils.Signals;

/** A chat without a terminal: reads lines, and prints only answers on standard output. */
public final class PipeUi implements ChatUi {
    private final BufferedReader in;
    private final Output out = Output.standard();
    private final Interruption interruption;
    private final boolean hasCommands;
    private boolean isFirst = true;

    /**
     * Handles Ctrl-C instead of the JVM until it is closed.
     *
     * @param hasCommands whether lines that begin with / are commands
     */
    public PipeUi(InputStream in, boolean hasCommands, Interruption interruption) {
        this.hasCommands = hasCommands;
        this.in = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        this.interruption = interruption;
        Signals.register("INT", this::interrupt);
    }

    private void interrupt() {
        if (interruption.isIdle()) {
            System.exit(ExitCode.INTERRUPTED);
        }
        interruption.press();
    }

    @Override
    public Optional<String> read() throws IOException {
        interruption.idle();
        Optional<String> message = readMessage();
        interruption.busy();
        return message;
    }

    private Optional<String> readMessage() throws IOException {
        String line = in.readLine();
        if (line == null) {
            return Optional.empty();
        }
        StringBuilder message = new StringBuilder();
        while (line != null && line.endsWith("\\")) {
            message.append(line, 0, line.length() - 1).append('\n');
            line = in.readLine();
        }
        message.append(line == null ? "" : line);
        String text = isFirst ? Utf8.withoutMark(message.toString()) : message.toString();
        isFirst = false;
        return Optional.of(text);
    }

    @Override
    public void answer(String piece) {
        out.print(piece);
    }

    @Override
    public void reasoning(String piece) {
        // Standard output has only answers.
    }

    @Override
    public void status(String line) {
        // Nobody is watching.
    }

    @Override
    public boolean copy(String text) {
        return false;
    }

    @Override
    public void endAnswer() {
        out.endLine();
    }

    @Override
    public void say(String line) {
        System.err.println(Printable.text(line));
    }

    @Override
    public void remark(String line) {
        System.err.println("bigllama: " + Printable.text(line));
    }

    @Override
    public void error(String line) {
        System.err.println("bigllama: " + Printable.text(line));
    }

    @Override
    public boolean hasCommands() {
        return hasCommands;
    }

    @Override
    public boolean isInteractive() {
        return false;
    }

    @Override
    public void close() {
        Signals.registerDefault("INT");
    }
}
