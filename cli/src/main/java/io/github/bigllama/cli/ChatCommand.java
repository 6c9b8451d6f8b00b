package io.github.bigllama.cli;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.chat.Tool;
import io.github.bigllama.core.option.GenerationOptions;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

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
    @Option(
            names = "--session",
            paramLabel = "FILE",
            description =
                    "Go on with the conversation in this file, if it exists, and keep it there after"
                            + " each answer.")
    Optional<Path> sessionFile = Optional.empty();

    @Option(
            names = "--tools",
            description = "Let the model ask for the date and time, and calculate. See /tools.")
    boolean tools;

    @Mixin CommonArguments common = new CommonArguments();
    @Mixin GenerationSettings settings = new GenerationSettings();

    @Spec CommandSpec spec;

    GenerationOptions generationOptions() {
        return settings.generationOptions().withContextFull(settings.generation.contextFull());
    }

    @Override
    public Integer call() throws Exception {
        GenerationOptions options = generationOptions();
        boolean atTerminal =
                Terminals.isTerminal(Terminals.STDIN) && Terminals.isTerminal(Terminals.STDOUT);
        try (LlamaModel model = load();
                LlamaSession session = settings.newSession(model);
                ChatUi ui =
                        atTerminal
                                ? new TerminalUi(model.path().getFileName().toString())
                                : new PipeUi(System.in)) {
            Chat chat = new Chat(session, chatOptions());
            ChatSession file = new ChatSession(chat, sessionFile);
            file.restore().ifPresent(ui::remark);
            return new ChatLoop(session, chat, options, new AnswerSettings(spec), file, ui).run();
        }
    }

    private ChatOptions chatOptions() {
        ChatOptions options = settings.generation.toChatOptions();
        return tools ? options.withTools(BuiltInTools.ALL.toArray(Tool[]::new)) : options;
    }

    private LlamaModel load() {
        try (Interruption interruption = new Interruption()) {
            return settings.load(interruption, System.err);
        }
    }
}
