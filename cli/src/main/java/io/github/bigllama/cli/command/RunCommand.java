package io.github.bigllama.cli.command;

import io.github.bigllama.cli.chat.ConversationFile;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.GenerationSettings;
import io.github.bigllama.cli.option.InfillArguments;
import io.github.bigllama.cli.option.ProjectorArguments;
import io.github.bigllama.cli.option.TextArguments;
import io.github.bigllama.cli.output.LogprobsJson;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.Prefill;
import io.github.bigllama.cli.output.Statistics;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.Infill;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenLogprob;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.Tokenizer;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.core.option.GenerationOptions;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Answers one prompt. */
@Command(
        name = "run",
        description = {
            "Answer one prompt on standard output; everything else goes to stderr.",
            "",
            "The answer appears token by token. The prompt is given as an argument, in a file, or "
                    + "through a pipe, and is put into the model's chat template.",
            ""
        })
public final class RunCommand implements Callable<Integer> {
    @Mixin TextArguments text = new TextArguments();

    @Option(names = "--raw", description = "Continue the text as it is, without a chat template.")
    boolean raw;

    @Option(
            names = "--session",
            paramLabel = "FILE",
            description =
                    "Continue the conversation in this file, if it exists, and save it there "
                            + "after the answer.")
    Optional<Path> sessionFile = Optional.empty();

    @Option(
            names = "--stats",
            description = "Print statistics on stderr when the answer is complete.")
    boolean stats;

    @Option(
            names = "--logprobs",
            paramLabel = "N",
            description =
                    "Print JSON instead of text, a line for each token: how likely the model found"
                            + " it, and the N most likely tokens. In a batch, a field of each line.")
    Integer logprobs;

    @Mixin InfillArguments gap = new InfillArguments();

    @Option(
            names = {"--image", "--audio"},
            paramLabel = "FILE",
            split = ",",
            description =
                    "An image (PNG, JPEG, GIF, BMP) or a sound (WAV, MP3, FLAC) that the prompt is "
                            + "about. Repeatable.")
    List<Path> media = List.of();

    @Mixin ProjectorArguments projector = new ProjectorArguments();

    @Mixin BatchRun batch = new BatchRun();

    @Mixin CommonArguments common = new CommonArguments();
    @Mixin GenerationSettings settings = new GenerationSettings();

    @Override
    public Integer call() {
        GenerationOptions options =
                sessionFile.isPresent()
                        ? settings.conversationOptions()
                        : settings.generationOptions();
        if (logprobs != null) {
            options = options.withLogprobs(requirePositive(logprobs));
        }
        String plain = raw ? "--raw" : gap.isGiven() ? "--input-suffix" : null;
        if (plain != null && settings.hasChatOptions()) {
            throw CommandException.usage(
                    plain
                            + " uses no chat, so --system and --chat-template have no effect; "
                            + "leave out one of them");
        }
        if (plain != null && sessionFile.isPresent()) {
            throw CommandException.usage(
                    plain
                            + " has no conversation that --session could save; leave out one of "
                            + "them");
        }
        requireNoMedia(plain);
        PrintStream err = System.err;
        if (batch.file.isPresent()) {
            if (plain != null
                    || sessionFile.isPresent()
                    || stats
                    || text.isGiven()
                    || !media.isEmpty()
                    || projector.isGiven()) {
                throw CommandException.usage(
                        "--batch has its own prompts: leave out the prompt, --file, --raw, "
                                + "--input-suffix, --image, --mmproj, --session and --stats");
            }
            return batch.run(settings, options, err);
        }
        batch.requireNone();
        String prompt = prompt();
        Optional<Infill> infill =
                gap.isGiven() ? Optional.of(gap.toInfill(prompt)) : Optional.empty();
        List<Media> images = media.stream().map(Media::read).toList();
        try (Interruption interruption = new Interruption();
                LlamaModel model = load(interruption, err);
                LlamaSession session = settings.newSession(model)) {
            ChatMessage question = new ChatMessage(Role.USER, images, prompt);
            return answer(session, question, infill, options, interruption, err);
        }
    }

    /** A projector takes RAM, so that it is only loaded for images. */
    private LlamaModel load(Interruption interruption, PrintStream err) {
        if (media.isEmpty() && !projector.isGiven()) {
            return settings.load(interruption, err);
        }
        String needed = media.isEmpty() ? null : "--image gives " + media.getFirst();
        return settings.load(projector, needed, interruption, err);
    }

    private void requireNoMedia(@Nullable String plain) {
        if (!media.isEmpty() && plain != null) {
            throw CommandException.usage(
                    plain + " has no messages that --image could be in; leave out one of them");
        }
        if (!media.isEmpty() && sessionFile.isPresent()) {
            throw CommandException.usage(
                    "--session saves the conversation, and session files can't hold images; leave "
                            + "out one of --session and --image");
        }
    }

    private int answer(
            LlamaSession session,
            ChatMessage question,
            Optional<Infill> infill,
            GenerationOptions options,
            Interruption interruption,
            PrintStream err) {
        Output out = Output.standard();
        Optional<Chat> chat =
                raw || infill.isPresent()
                        ? Optional.empty()
                        : Optional.of(new Chat(session, settings.chatOptions()));
        Optional<ConversationFile> file =
                chat.map(c -> new ConversationFile(c, sessionFile.orElse(null)));
        file.flatMap(ConversationFile::restore)
                .ifPresent(remark -> err.println("bigllama: " + remark));
        try (Prefill prefill = new Prefill(err);
                TokenStream answer =
                        chat.map(c -> c.send(List.of(question), options.withProgress(prefill)))
                                .orElseGet(
                                        () ->
                                                session.generate(
                                                        tokens(session, question.content(), infill),
                                                        options.withProgress(prefill)))) {
            interruption.onRequest(answer::cancel);
            if (logprobs == null) {
                for (String piece : answer) {
                    out.print(piece);
                }
                out.endLine();
            } else {
                printLogprobs(answer, session.model().tokenizer(), out);
            }
            if (stats) {
                Statistics.lines(answer.stats()).forEach(err::println);
            }
            StopReason reason = answer.stopReason().orElseThrow();
            if (reason == StopReason.CONTEXT_FULL) {
                err.println(
                        "bigllama: the answer ends here because the context of "
                                + session.contextSize()
                                + " tokens is full; --context-size makes it larger");
            }
            file.ifPresent(ConversationFile::save);
            return reason == StopReason.CANCELLED ? ExitCode.INTERRUPTED : ExitCode.OK;
        }
    }

    /** The prompt without a chat, or with the gap after it. */
    private static int[] tokens(LlamaSession session, String prompt, Optional<Infill> infill) {
        Tokenizer tokenizer = session.model().tokenizer();
        return infill.map(tokenizer::encode).orElseGet(() -> tokenizer.encode(prompt));
    }

    private static void printLogprobs(TokenStream answer, Tokenizer tokenizer, Output out) {
        int printed = 0;
        boolean isMore = true;
        while (isMore) {
            isMore = answer.hasNext();
            if (isMore) {
                answer.next();
            }
            List<TokenLogprob> all = answer.logprobs();
            for (TokenLogprob one : all.subList(printed, all.size())) {
                out.println(LogprobsJson.of(one, tokenizer).toString());
            }
            printed = all.size();
        }
    }

    private static int requirePositive(int logprobs) {
        if (logprobs < 1) {
            throw CommandException.usage("--logprobs is " + logprobs + ", must be 1 or more");
        }
        return logprobs;
    }

    private String prompt() {
        if (gap.isGiven()) {
            // Every character before a gap counts, and there may be none.
            return text.read("prompt", false);
        }
        String prompt = text.read("prompt", true);
        if (prompt.isBlank()) {
            throw CommandException.usage("the prompt is empty");
        }
        return prompt;
    }
}
