package io.github.bigllama.cli.chat;

import java.util.List;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.LineReader;
import org.jline.reader.ParsedLine;
import org.jline.reader.impl.completer.FileNameCompleter;
import org.jline.reader.impl.completer.StringsCompleter;

/** Completes commands with Tab in lines that begin with /, and nothing in messages. */
final class SlashCompleter implements Completer {
    // Its successor is in jline-builtins, which has pagers and editors as well.
    @SuppressWarnings("deprecation")
    private final Completer files = new FileNameCompleter();

    @Override
    public void complete(LineReader reader, ParsedLine line, List<Candidate> candidates) {
        if (!line.line().startsWith("/")) {
            return;
        }
        Completer completer =
                line.wordIndex() == 0
                        ? new StringsCompleter(SlashCommands.names())
                        : ofArgument(line.words().getFirst(), line.wordIndex());
        if (completer != null) {
            completer.complete(reader, line, candidates);
        }
    }

    private Completer ofArgument(String command, int index) {
        return switch (command + " " + index) {
            // Created only on demand, because it reads all options of the command.
            case "/set 1" -> new StringsCompleter(AnswerSettings.names());
            case "/export 1" -> new StringsCompleter("md", "json");
            case "/save 1", "/save 2", "/load 1", "/export 2", "/image 1" -> files;
            default -> null;
        };
    }
}
