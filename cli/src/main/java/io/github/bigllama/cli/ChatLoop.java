package io.github.bigllama.cli;

import io.github.bigllama.core.Chat;
import io.github.bigllama.core.GenerationOptions;
import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.LlamaException;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.PromptTooLongException;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.gguf.GgufException;
import io.github.bigllama.gguf.ModelFiles;
import io.github.bigllama.residency.Weights;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;

/** Reads messages, prints answers, obeys commands. */
final class ChatLoop {
    /** The commands, for completion and for who mistypes one. */
    static final List<String> COMMANDS =
            List.of("/help", "/reset", "/stats", "/residency", "/system", "/quit");

    private static final List<String> HELP =
            List.of(
                    "/reset         forget the conversation",
                    "/system TEXT   begin again with this system message; without TEXT, with none",
                    "/stats         numbers about the last answer",
                    "/residency     which parts of the model are in RAM",
                    "/quit          leave, as do Ctrl-D and Ctrl-C",
                    "A \\ at the end of a line goes on in the next one. Ctrl-C stops an answer.");

    private final LlamaSession session;
    private final Chat chat;
    private final GenerationOptions options;
    private final ChatUi ui;
    private GenerationStats lastStats;
    private boolean failed;

    ChatLoop(LlamaSession session, Chat chat, GenerationOptions options, ChatUi ui) {
        this.session = session;
        this.chat = chat;
        this.options = options;
        this.ui = ui;
    }

    /** Runs until the user leaves, and returns the exit code. */
    int run() throws IOException {
        ui.onInterrupt(() -> System.exit(ExitCode.INTERRUPTED));
        if (ui.isInteractive()) {
            ui.remark(
                    "%s, %d tokens of context; /help for help"
                            .formatted(session.model().description(), session.contextSize()));
        }
        while (true) {
            Optional<String> line = ui.read();
            if (line.isEmpty()) {
                break;
            }
            String message = line.get();
            if (message.startsWith("/")) {
                if (!obey(message.strip())) {
                    break;
                }
            } else if (!message.isBlank()) {
                send(message);
            }
        }
        // A human has seen the errors; a script looks at the exit code.
        return failed && !ui.isInteractive() ? ExitCode.FAILED : ExitCode.OK;
    }

    /** Obeys a command; false if it is the last one. */
    private boolean obey(String line) {
        String[] parts = line.split("\\s+", 2);
        switch (parts[0]) {
            case "/help" -> HELP.forEach(ui::say);
            case "/reset" -> {
                chat.reset();
                ui.remark("forgotten");
            }
            case "/system" -> {
                chat.reset(parts.length == 1 ? Optional.empty() : Optional.of(parts[1]));
                ui.remark(
                        parts.length == 1
                                ? "a new conversation without a system message"
                                : "a new conversation with this system message");
            }
            case "/stats" -> {
                if (lastStats == null) {
                    ui.say("no answer yet");
                } else {
                    Statistics.lines(lastStats).forEach(ui::say);
                }
            }
            case "/residency" -> residency();
            case "/quit", "/exit" -> {
                return false;
            }
            default ->
                    fail(
                            "there is no %s, only %s; begin a message with a space if it starts with /"
                                    .formatted(parts[0], String.join(" ", COMMANDS)));
        }
        return true;
    }

    private void residency() {
        try {
            Weights weights = Weights.of(ModelFiles.read(session.model().path()));
            ResidencyPicture.draw(weights).forEach(ui::say);
            session.model().residencyPlan().ifPresent(plan -> ui.say(plan.toString()));
        } catch (GgufException e) {
            fail(e.getMessage());
        } catch (IOException e) {
            fail("cannot look at the pages of the model: " + Failures.reason(e));
        }
    }

    private void send(String message) {
        try (Interruption interruption = new Interruption();
                Prefill prefill = new Prefill(System.err);
                TokenStream answer = chat.send(message, options.withProgress(prefill))) {
            interruption.onRequest(answer::cancel);
            AtomicInteger presses = new AtomicInteger();
            ui.onInterrupt(
                    () -> {
                        answer.cancel();
                        if (presses.incrementAndGet() > 1) {
                            System.exit(ExitCode.INTERRUPTED);
                        }
                    });
            try {
                for (String piece : answer) {
                    ui.answer(piece);
                }
            } finally {
                ui.onInterrupt(() -> System.exit(ExitCode.INTERRUPTED));
                prefill.erase();
                ui.endAnswer();
                lastStats = answer.stats();
            }
            remark(answer.stopReason().orElseThrow());
            if (ui.isInteractive()) {
                status(lastStats);
            }
        } catch (PromptTooLongException e) {
            fail(e.getMessage() + "; /reset forgets the conversation");
        } catch (LlamaException | IllegalArgumentException e) {
            fail(e.getMessage());
        }
    }

    /** Who waits for a disk wants to see why. */
    private void status(GenerationStats stats) {
        stats.residency()
                .ifPresent(
                        residency ->
                                ui.remark(
                                        "%.2f tokens/s; %s"
                                                .formatted(
                                                        stats.tokensPerSecond(),
                                                        Statistics.residency(residency))));
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

    private void fail(String message) {
        failed = true;
        ui.error(message);
    }
}
