package io.github.bigllama.cli.command;

import io.github.bigllama.cli.chat.AnswerSettings;
import io.github.bigllama.cli.chat.BuiltInTools;
import io.github.bigllama.cli.chat.ChatLoop;
import io.github.bigllama.cli.chat.ChatUi;
import io.github.bigllama.cli.chat.ConversationFile;
import io.github.bigllama.cli.chat.PipeUi;
import io.github.bigllama.cli.chat.TerminalUi;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.GenerationSettings;
import io.github.bigllama.cli.option.ProjectorArguments;
import io.github.bigllama.cli.page.LivePage;
import io.github.bigllama.cli.page.PageMetrics;
import io.github.bigllama.cli.page.PageSnapshot;
import io.github.bigllama.cli.page.PageSource;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.cli.process.Terminals;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatOptions;
import io.github.bigllama.core.chat.Tool;
import io.github.bigllama.core.option.GenerationOptions;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** Holds a conversation. */
@Command(
        name = "chat",
        description = {
            "Talk with a model. In the chat, /help lists the commands.",
            "",
            "Through a pipe, each line is a message, and standard output has only the answers.",
            ""
        })
public final class ChatCommand implements Callable<Integer> {
    @Option(
            names = "--session",
            paramLabel = "FILE",
            description =
                    "Continue the conversation in this file, if it exists, and save it there "
                            + "after each answer.")
    Optional<Path> sessionFile = Optional.empty();

    @Option(
            names = "--tools",
            description =
                    "Let the model ask for the date and time, and calculate. /tools lists "
                            + "its tools.")
    boolean tools;

    @Option(
            names = "--commands",
            description =
                    "Treat lines that begin with / as commands even through a pipe; /help lists "
                            + "them.")
    boolean commands;

    @Option(
            names = "--page",
            description =
                    "Show live, in a browser on this machine, where the weights are. Prints the "
                            + "address.")
    boolean page;

    @Mixin ProjectorArguments projector = new ProjectorArguments();

    @Mixin CommonArguments common = new CommonArguments();
    @Mixin GenerationSettings settings = new GenerationSettings();

    @Spec CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        GenerationOptions options = settings.conversationOptions();
        boolean atTerminal =
                Terminals.isTerminal(Terminals.STDIN) && Terminals.isTerminal(Terminals.STDOUT);
        try (Interruption interruption = new Interruption();
                LlamaModel model = settings.load(projector, null, interruption, System.err);
                LlamaSession session = settings.newSession(model);
                ChatUi ui =
                        atTerminal
                                ? new TerminalUi(
                                        model.path().getFileName().toString(), interruption)
                                : new PipeUi(System.in, commands, interruption);
                LivePage live =
                        page
                                ? LivePage.open(
                                        0, source(model, session), new PageMetrics(model, () -> ""))
                                : null) {
            if (live != null) {
                ui.remark("its weights are drawn at " + live.address());
            }
            Chat chat = new Chat(session, chatOptions());
            model.projector()
                    .ifPresent(
                            with ->
                                    ui.remark(
                                            "the model %s with %s; /image FILE"
                                                    .formatted(
                                                            with.supportsVision()
                                                                    ? "sees"
                                                                    : "hears",
                                                            with.path().getFileName())));
            ConversationFile file = new ConversationFile(chat, sessionFile.orElse(null));
            file.restore().ifPresent(ui::remark);
            return new ChatLoop(
                            session,
                            chat,
                            options,
                            new AnswerSettings(spec),
                            file,
                            ui,
                            interruption)
                    .run();
        }
    }

    private static PageSource source(LlamaModel model, LlamaSession session) {
        return new PageSource(
                model,
                () ->
                        List.of(
                                new PageSnapshot.Conversation(
                                        "this chat",
                                        session.contextUsed(),
                                        session.contextSize(),
                                        false)));
    }

    private ChatOptions chatOptions() {
        ChatOptions options = settings.chatOptions();
        return tools ? options.withTools(BuiltInTools.ALL.toArray(Tool[]::new)) : options;
    }
}
