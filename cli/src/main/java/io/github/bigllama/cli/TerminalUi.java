package io.github.bigllama.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.jline.reader.EOFError;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.reader.impl.completer.StringsCompleter;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;

/** A chat at a terminal, with editing and history. */
final class TerminalUi implements ChatUi {
    private static final String DIM = "\033[2m";
    private static final String RED = "\033[31m";
    private static final String PLAIN = "\033[0m";

    private final Terminal terminal;
    private final LineReader reader;
    private final boolean styled;
    private boolean lineOpen;

    TerminalUi() throws IOException {
        terminal =
                TerminalBuilder.builder()
                        .name("bigllama")
                        .system(true)
                        .provider("ffm")
                        .encoding(StandardCharsets.UTF_8)
                        .build();
        styled = !terminal.getType().startsWith(Terminal.TYPE_DUMB);
        LineReaderBuilder builder =
                LineReaderBuilder.builder()
                        .terminal(terminal)
                        .appName("bigllama")
                        .parser(new MessageParser())
                        .completer(new StringsCompleter(ChatLoop.COMMANDS))
                        .variable(LineReader.SECONDARY_PROMPT_PATTERN, "… ")
                        // A ! in a message is a !.
                        .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
        HistoryFile.prepare().ifPresent(file -> builder.variable(LineReader.HISTORY_FILE, file));
        reader = builder.build();
    }

    @Override
    public Optional<String> read() {
        while (true) {
            try {
                return Optional.of(reader.readLine("> ").replace("\\\n", "\n"));
            } catch (UserInterruptException e) {
                // Ctrl-C throws away a line that was begun; with none, it leaves.
                if (e.getPartialLine().isEmpty()) {
                    return Optional.empty();
                }
            } catch (EndOfFileException e) {
                return Optional.empty();
            }
        }
    }

    @Override
    public void answer(String piece) {
        terminal.writer().print(piece);
        terminal.writer().flush();
        lineOpen = !piece.endsWith("\n");
    }

    @Override
    public void endAnswer() {
        if (lineOpen) {
            say("");
            lineOpen = false;
        }
    }

    @Override
    public void say(String line) {
        terminal.writer().println(line);
        terminal.writer().flush();
    }

    @Override
    public void remark(String line) {
        say(styled ? DIM + line + PLAIN : line);
    }

    @Override
    public void error(String line) {
        say(styled ? RED + line + PLAIN : line);
    }

    @Override
    public void onInterrupt(Runnable action) {
        terminal.handle(Terminal.Signal.INT, signal -> action.run());
    }

    @Override
    public boolean isInteractive() {
        return true;
    }

    @Override
    public void close() throws IOException {
        terminal.close();
    }

    /** A message is one word, and goes on after a backslash at the end of a line. */
    private static final class MessageParser extends DefaultParser {
        MessageParser() {
            setEscapeChars(null);
            setQuoteChars(new char[0]);
        }

        @Override
        public ParsedLine parse(String line, int cursor, ParseContext context) {
            if (context == ParseContext.ACCEPT_LINE && line.endsWith("\\")) {
                throw new EOFError(-1, -1, "the line ends with a backslash");
            }
            return super.parse(line, cursor, context);
        }
    }
}
