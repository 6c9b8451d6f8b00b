package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.output.Output;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jline.utils.Signals;

/** A chat without a terminal: lines in, answers out, and nothing else on standard output. */
public final class PipeUi implements ChatUi {
    private final BufferedReader in;
    private final Output out = Output.standard();
    private volatile Runnable interruptAction = () -> {};

    public PipeUi(InputStream in) {
        this.in = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
        Signals.register("INT", () -> interruptAction.run());
    }

    @Override
    public Optional<String> read() throws IOException {
        String line = in.readLine();
        if (line == null) {
            return Optional.empty();
        }
        StringBuilder message = new StringBuilder();
        while (line != null && line.endsWith("\\")) {
            message.append(line, 0, line.length() - 1).append('\n');
            line = in.readLine();
        }
        return Optional.of(message.append(line == null ? "" : line).toString());
    }

    @Override
    public void answer(String piece) {
        out.print(piece);
    }

    @Override
    public void reasoning(String piece) {
        // It is no answer.
    }

    @Override
    public void status(String line) {
        // Nobody looks.
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
        System.err.println(line);
    }

    @Override
    public void remark(String line) {
        System.err.println("bigllama: " + line);
    }

    @Override
    public void error(String line) {
        System.err.println("bigllama: " + line);
    }

    @Override
    public void onInterrupt(Runnable action) {
        interruptAction = action;
    }

    @Override
    public boolean isInteractive() {
        return false;
    }

    @Override
    public void close() {}
}
