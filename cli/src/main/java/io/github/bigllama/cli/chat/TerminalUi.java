package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.output.Printable;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.cli.process.Terminals;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;
import org.jline.reader.EOFError;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.ParsedLine;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jline.utils.AttributedString;
import org.jline.utils.AttributedStyle;

/** A chat at a terminal, with line editing, history, and a status line. */
public final class TerminalUi implements ChatUi {
    private static final AttributedStyle PLAIN_STYLE = AttributedStyle.DEFAULT;

    private final Terminal terminal;
    private final Interruption interruption;
    private final LineReader reader;
    private final boolean styled;
    private final Markdown markdown;
    private final AnswerPainter painter;
    private final boolean dumb;

    private final StatusLine status;
    private boolean lineOpen;
    private boolean isReasoning;

    /**
     * Takes over the terminal, and handles Ctrl-C instead of the JVM, until it is closed.
     *
     * @param model the model, whose earlier messages can be recalled
     */
    public TerminalUi(String model, Interruption interruption) throws IOException {
        terminal =
                TerminalBuilder.builder()
                        .name("bigllama")
                        .system(true)
                        .provider("ffm")
                        .encoding(StandardCharsets.UTF_8)
                        .build();
        this.interruption = interruption;
        terminal.handle(Terminal.Signal.INT, signal -> interruption.press());
        terminal.handle(Terminal.Signal.TSTP, signal -> stop());
        dumb = terminal.getType().startsWith(Terminal.TYPE_DUMB);
        String noColor = System.getenv("NO_COLOR");
        styled = !dumb && (noColor == null || noColor.isEmpty());
        markdown = new Markdown(styled);
        painter = new AnswerPainter(terminal);
        status = new StatusLine(terminal);
        LineReaderBuilder builder =
                LineReaderBuilder.builder()
                        .terminal(terminal)
                        .appName("bigllama")
                        .parser(new MessageParser())
                        .completer(new SlashCompleter())
                        .variable(LineReader.SECONDARY_PROMPT_PATTERN, "… ")
                        // A ! in a message has no special meaning.
                        .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true);
        HistoryFile.prepare(model)
                .ifPresent(file -> builder.variable(LineReader.HISTORY_FILE, file));
        reader = builder.build();
        // The reader handles Ctrl-C from here until the line ends.
        reader.getWidgets()
                .put(
                        LineReader.CALLBACK_INIT,
                        () -> {
                            interruption.idle();
                            return true;
                        });
    }

    @Override
    public Optional<String> read() {
        Optional<String> line = readLine();
        interruption.busy();
        return line;
    }

    private Optional<String> readLine() {
        while (true) {
            try {
                String line = reader.readLine("> ").replace("\\\n", "\n");
                // Ctrl-C was pressed after the end of the line.
                if (Thread.interrupted()) {
                    interruption.press();
                }
                return Optional.of(line);
            } catch (UserInterruptException e) {
                // Ctrl-C discards a line that was begun, and otherwise leaves the chat.
                if (e.getPartialLine().isEmpty()) {
                    return Optional.empty();
                }
            } catch (EndOfFileException e) {
                return Optional.empty();
            }
        }
    }

    @Override
    public synchronized void answer(String piece) {
        if (isReasoning) {
            isReasoning = false;
            painter.end();
        }
        show(piece, markdown);
    }

    @Override
    public synchronized void reasoning(String piece) {
        isReasoning = true;
        show(piece, new WordWrap.Plain(styled ? AttributedStyle.DEFAULT.faint() : PLAIN_STYLE));
    }

    private void show(String piece, Layout layout) {
        if (!dumb) {
            status.above(() -> painter.add(piece, layout));
        } else if (!piece.isEmpty()) {
            String text = Printable.text(piece);
            terminal.writer().print(text);
            terminal.writer().flush();
            lineOpen = !text.endsWith("\n");
        }
    }

    @Override
    public synchronized void endAnswer() {
        isReasoning = false;
        painter.end();
        if (lineOpen) {
            say("");
            lineOpen = false;
        }
    }

    @Override
    public synchronized void status(String line) {
        if (!dumb) {
            status.show(
                    new AttributedString(
                            line, styled ? AttributedStyle.DEFAULT.faint() : PLAIN_STYLE));
        }
    }

    /** Ctrl-Z: leaves the whole screen to the shell, without the status line. */
    private synchronized void stop() {
        status("");
        Terminals.stop();
        painter.moved();
    }

    @Override
    public boolean copy(String text) {
        if (dumb) {
            return false;
        }
        // The clipboard of the terminal, which also works over ssh (OSC 52).
        String bytes = Base64.getEncoder().encodeToString(text.getBytes(StandardCharsets.UTF_8));
        terminal.writer().print("\033]52;c;" + bytes + "\007");
        terminal.writer().flush();
        return true;
    }

    @Override
    public synchronized void say(String line) {
        print(Printable.text(line));
    }

    private void print(String line) {
        terminal.writer().println(line);
        terminal.writer().flush();
    }

    @Override
    public synchronized void remark(String line) {
        wrapped(line, styled ? AttributedStyle.DEFAULT.faint() : PLAIN_STYLE);
    }

    @Override
    public synchronized void error(String line) {
        wrapped(
                line,
                styled ? AttributedStyle.DEFAULT.foreground(AttributedStyle.RED) : PLAIN_STYLE);
    }

    private void wrapped(String line, AttributedStyle style) {
        AttributedString text = new AttributedString(Printable.text(line), style);
        int width = dumb ? Integer.MAX_VALUE : terminal.getSize().getColumns();
        WordWrap.wrap(text, width).forEach(part -> print(part.toAnsi(terminal)));
    }

    @Override
    public boolean hasCommands() {
        return true;
    }

    @Override
    public boolean isInteractive() {
        return true;
    }

    @Override
    public void close() throws IOException {
        status("");
        terminal.close();
    }

    /** A message is one word, and a backslash at the end of a line continues it. */
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
