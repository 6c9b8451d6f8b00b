package io.github.bigllama.cli;

import io.github.bigllama.core.Chat;
import io.github.bigllama.core.GenerationOptions;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** A conversation. */
@Command(
        name = "chat",
        description = {
            "Talk with a model. /help lists what can be typed besides messages.",
            "",
            "Through a pipe, each line is a message, and standard output has only the answers.",
            ""
        })
final class ChatCommand implements Callable<Integer> {
    @Mixin CommonArguments common = new CommonArguments();
    @Mixin GenerationSettings settings = new GenerationSettings();

    @Override
    public Integer call() throws Exception {
        GenerationOptions options = settings.generationOptions();
        boolean atTerminal =
                Terminals.isTerminal(Terminals.STDIN) && Terminals.isTerminal(Terminals.STDOUT);
        try (LlamaModel model = load();
                LlamaSession session = settings.newSession(model);
                ChatUi ui = atTerminal ? new TerminalUi() : new PipeUi(System.in)) {
            Chat chat = new Chat(session, settings.generation.toChatOptions());
            return new ChatLoop(session, chat, options, ui).run();
        }
    }

    private LlamaModel load() {
        try (Interruption interruption = new Interruption()) {
            return settings.load(interruption, System.err);
        }
    }
}
