package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.output.Prefill;
import io.github.bigllama.cli.output.Statistics;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.chat.ToolCall;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.GenerationOptions;
import java.io.IOException;
import java.util.List;
import java.util.Optional;

/** Reads messages, prints answers, obeys commands. */
public final class ChatLoop implements SlashCommands.State {
    private static final long STATUS_NANOS = 250_000_000;

    /** So often in one turn a model may ask for tools. */
    private static final int MOST_TOOL_ROUNDS = 8;

    private final LlamaSession session;
    private final Chat chat;
    private final ConversationFile file;
    private final ChatUi ui;
    private final Interruption interruption;
    private final SlashCommands commands;
    private GenerationOptions options;
    private GenerationStats lastStats;
    private TokenStream answering;
    private long statusShown;
    private boolean failed;

    public ChatLoop(
            LlamaSession session,
            Chat chat,
            GenerationOptions options,
            AnswerSettings settings,
            ConversationFile file,
            ChatUi ui,
            Interruption interruption) {
        this.session = session;
        this.chat = chat;
        this.options = options;
        this.file = file;
        this.ui = ui;
        this.interruption = interruption;
        this.commands = new SlashCommands(session, chat, settings, ui, this, this::send);
    }

    /** Runs until the user leaves, and returns the exit code. */
    public int run() throws IOException {
        if (ui.isInteractive()) {
            ui.remark(
                    "%s, %d tokens of context; /help for help"
                            .formatted(session.model().description(), session.contextSize()));
            long turns = chat.messages().stream().filter(m -> m.role() == Role.USER).count();
            if (turns > 0) {
                ui.remark(
                        "goes on after %d %s, %d tokens"
                                .formatted(
                                        turns,
                                        turns == 1 ? "turn" : "turns",
                                        session.contextUsed()));
            }
        }
        while (true) {
            Optional<String> line = ui.read();
            if (line.isEmpty()) {
                break;
            }
            String message = line.get();
            if (ui.hasCommands() && message.startsWith("/")) {
                if (!commands.obey(message)) {
                    break;
                }
            } else if (!message.isBlank()) {
                send(message);
            }
        }
        // A human has seen the errors; a script looks at the exit code.
        return failed && !ui.isInteractive() ? ExitCode.FAILED : ExitCode.OK;
    }

    private void send(String message) {
        int forgotten = chat.forgottenMessages();
        try {
            List<ChatMessage> messages = List.of(new ChatMessage(Role.USER, message));
            for (int i = 0; !messages.isEmpty() && i <= MOST_TOOL_ROUNDS; i++) {
                messages = answer(messages) ? toolResults() : List.of();
            }
            file.save();
        } catch (PromptTooLongException e) {
            failed(e.getMessage() + "; /reset forgets the conversation");
        } catch (LlamaException | IllegalArgumentException e) {
            failed(e.getMessage());
        }
        if (chat.forgottenMessages() > forgotten) {
            ui.remark(
                    "the context was full: the oldest %d messages are forgotten"
                            .formatted(chat.forgottenMessages()));
        }
    }

    /** Prints the answer to messages; false if it was interrupted. */
    private boolean answer(List<ChatMessage> messages) {
        try (Prefill prefill = new Prefill(System.err);
                TokenStream answer =
                        chat.send(
                                messages,
                                options.withProgress(prefill)
                                        .withReasoning(
                                                piece -> {
                                                    ui.reasoning(piece);
                                                    showStatus();
                                                }))) {
            answering = answer;
            interruption.onRequest(answer::cancel);
            try {
                statusShown = System.nanoTime();
                for (String piece : answer) {
                    ui.answer(piece);
                    showStatus();
                }
            } finally {
                interruption.onRequest(() -> {});
                prefill.erase();
                ui.status("");
                ui.endAnswer();
                lastStats = answer.stats();
            }
            StopReason reason = answer.stopReason().orElseThrow();
            remark(reason);
            if (ui.isInteractive()) {
                ui.remark(Statistics.line(lastStats));
            }
            return reason != StopReason.CANCELLED;
        }
    }

    private void showStatus() {
        if (System.nanoTime() - statusShown > STATUS_NANOS) {
            ui.status(Statistics.line(answering.stats()));
            statusShown = System.nanoTime();
        }
    }

    private List<ChatMessage> toolResults() {
        for (ToolCall call : chat.reply().toolCalls()) {
            ui.remark("calls %s %s".formatted(call.name(), call.arguments()));
        }
        return chat.results(chat.reply());
    }

    private void remark(StopReason reason) {
        switch (reason) {
            case CONTEXT_FULL ->
                    ui.remark(
                            "the context of %d tokens is full; /reset begins again, --context-size makes it larger"
                                    .formatted(session.contextSize()));
            case MAX_TOKENS ->
                    ui.remark("cut after %d tokens (--max-tokens)".formatted(options.maxTokens()));
            case CANCELLED -> ui.remark("interrupted");
            case END_OF_GENERATION, STOP_STRING -> {}
        }
    }

    @Override
    public void options(GenerationOptions newOptions) {
        options = newOptions;
    }

    @Override
    public List<String> statistics() {
        return lastStats == null ? List.of("no answer yet") : Statistics.lines(lastStats);
    }

    @Override
    public void failed(String message) {
        failed = true;
        ui.error(message);
    }
}
