package io.github.bigllama.cli.chat;

import io.github.bigllama.cli.output.Prefill;
import io.github.bigllama.cli.output.Statistics;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.cli.process.OptionNames;
import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.ChatTemplateException;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.chat.ToolCall;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ToolChoice;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Function;

/** Reads messages, prints answers, executes commands. */
public final class ChatLoop implements SlashCommands.State {
    private static final long STATUS_NANOS = 250_000_000;

    /** The most times that a model may call tools in one turn. */
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

    /** Images and sounds of the next message. */
    private final List<Media> media = new ArrayList<>();

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
        this.commands = new SlashCommands(session, chat, settings, ui, this);
    }

    /** Runs until the user leaves, and returns the exit code. */
    public int run() throws IOException {
        if (ui.isInteractive()) {
            ui.remark(
                    String.format(
                            Locale.ROOT,
                            "%s, context of %d tokens; /help for help",
                            session.model().description(),
                            session.contextSize()));
            long turns = chat.messages().stream().filter(m -> m.role() == Role.USER).count();
            if (turns > 0) {
                ui.remark(
                        String.format(
                                Locale.ROOT,
                                "continuing after %d %s, %d tokens",
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
        // A person has seen the errors; a script looks at the exit code.
        return failed && !ui.isInteractive() ? ExitCode.FAILED : ExitCode.OK;
    }

    private void send(String message) {
        int before = chat.messages().size();
        List<ChatMessage> messages =
                List.of(new ChatMessage(Role.USER, List.copyOf(media), message));
        turn(first -> Optional.of(chat.send(messages, first)));
        if (chat.messages().size() > before) {
            media.clear();
        }
    }

    @Override
    public void attach(Media added) {
        if (file.isSaved()) {
            throw CommandException.usage(
                    "--session saves this conversation, and session files can't hold images");
        }
        media.add(added);
    }

    @Override
    public void forgetMedia() {
        media.clear();
    }

    @Override
    public void retry() {
        turn(chat::retry);
    }

    /** Prints an answer, and the answers to the results of the tools that it calls. */
    private void turn(Function<GenerationOptions, Optional<TokenStream>> begin) {
        int forgotten = chat.forgottenMessages();
        try {
            Function<GenerationOptions, Optional<TokenStream>> next = begin;
            for (int round = 0; next != null; round++) {
                boolean isLast = round == MOST_TOOL_ROUNDS;
                if (isLast) {
                    ui.remark(
                            String.format(
                                    Locale.ROOT,
                                    "the model has called tools %d times in a row; now it must answer without them",
                                    MOST_TOOL_ROUNDS));
                }
                boolean hasEnded =
                        answer(next, isLast ? options.withToolChoice(ToolChoice.NONE) : options);
                next = null;
                if (hasEnded && !isLast) {
                    List<ChatMessage> results = toolResults();
                    next = results.isEmpty() ? null : o -> Optional.of(chat.send(results, o));
                }
            }
            file.save();
        } catch (PromptTooLongException e) {
            failed(OptionNames.of(e.getMessage()) + "; /reset forgets the conversation");
        } catch (ChatTemplateException e) {
            failed(
                    chat.messages().isEmpty()
                            ? e.getMessage()
                            : e.getMessage()
                                    + "; /undo takes back the last message, /reset forgets "
                                    + "everything");
        } catch (LlamaException | IllegalArgumentException e) {
            failed(OptionNames.of(e.getMessage()));
        }
        if (chat.forgottenMessages() > forgotten) {
            ui.remark(
                    String.format(
                            Locale.ROOT,
                            "the context was full: the model no longer sees the oldest %d messages",
                            chat.forgottenMessages()));
        }
    }

    /** Prints an answer; returns false if there is none, or it was interrupted. */
    private boolean answer(
            Function<GenerationOptions, Optional<TokenStream>> begin, GenerationOptions how) {
        try (Prefill prefill = new Prefill(System.err);
                TokenStream answer =
                        begin.apply(
                                        how.withProgress(prefill)
                                                .withReasoning(
                                                        piece -> {
                                                            ui.reasoning(piece);
                                                            showStatus();
                                                        }))
                                .orElse(null)) {
            if (answer == null) {
                failed("there is no message to answer again");
                return false;
            }
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
            remark(reason, answer.tokens().length == 0);
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

    private void remark(StopReason reason, boolean isEmpty) {
        switch (reason) {
            case CONTEXT_FULL ->
                    ui.remark(
                            String.format(
                                    Locale.ROOT,
                                    "the context of %d tokens is full; /reset starts over, --context-size makes it larger",
                                    session.contextSize()));
            case MAX_TOKENS ->
                    ui.remark(
                            String.format(
                                    Locale.ROOT,
                                    "cut after %d tokens (--max-tokens)",
                                    options.maxTokens()));
            case CANCELLED ->
                    ui.remark(
                            isEmpty
                                    ? "interrupted before the answer began; the conversation is "
                                            + "unchanged"
                                    : "interrupted");
            case TIMEOUT -> ui.remark("time limit reached");
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
