package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.GenerationSettings;
import io.github.bigllama.cli.output.Eta;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.Tokenizer;
import io.github.bigllama.core.chat.ChatBatch;
import io.github.bigllama.core.option.GenerationOptions;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** Answers the lines of a file, several at a time. */
public final class BatchRun {
    @Option(
            names = "--batch",
            paramLabel = "FILE",
            description =
                    "Answer each line of this file (- for stdin) instead of a prompt: JSON strings, or objects "
                            + "with \"prompt\" or \"messages\". The answers are JSON lines in the "
                            + "same order.")
    Optional<Path> file = Optional.empty();

    @Option(
            names = "--parallel",
            paramLabel = "N",
            description =
                    "Number of lines of a batch that are answered at a time, each with its own "
                            + "--context-size (8).")
    Optional<Integer> parallel = Optional.empty();

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FILE",
            description =
                    "Write the answers of a batch to this file; one that has some of them is "
                            + "continued.")
    Optional<Path> output = Optional.empty();

    private static final int PARALLEL = 8;

    /** Refuses options that only a batch has. */
    void requireNone() {
        if (parallel.isPresent() || output.isPresent()) {
            throw CommandException.usage(
                    "--parallel and --output are for batches; name the file of prompts with --batch");
        }
    }

    int run(GenerationSettings settings, GenerationOptions options, PrintStream err) {
        BatchInput input = new BatchInput(file.orElseThrow());
        long all = input.check();
        try (BatchOutput out = new BatchOutput(output.orElse(null));
                Stream<BatchInput.Request> answered = input.requests()) {
            long before = out.resume(answered);
            if (before > 0) {
                err.println(
                        String.format(
                                Locale.ROOT,
                                "bigllama: %s has %d of %d answers%s",
                                output.orElseThrow(),
                                before,
                                all,
                                before < all ? " and is continued" : ""));
            }
            if (before == all) {
                return ExitCode.OK;
            }
            try (Interruption interruption = new Interruption();
                    LlamaModel model = settings.load(interruption, err);
                    ChatBatch batch =
                            new ChatBatch(
                                    model,
                                    settings.sharedOptions(model, parallel.orElse(PARALLEL)),
                                    settings.chatOptions())) {
                model.residency().ifPresent(kept -> err.println("bigllama: " + kept.plan()));
                return answer(
                        batch,
                        input,
                        out,
                        options,
                        model.tokenizer(),
                        new Range(before, all),
                        interruption,
                        err);
            }
        }
    }

    /** The answers that are to be made: those after the first ones, of all. */
    private record Range(long before, long all) {}

    private int answer(
            ChatBatch batch,
            BatchInput input,
            BatchOutput out,
            GenerationOptions options,
            Tokenizer tokenizer,
            Range range,
            Interruption interruption,
            PrintStream err) {
        Thread reader = Thread.currentThread();
        interruption.onRequest(reader::interrupt);
        long done = range.before;
        long failed = 0;
        try (Stream<BatchInput.Request> asked = input.requests();
                Stream<BatchInput.Request> same = input.requests();
                Stream<ChatBatch.Answer> answers =
                        batch.answers(
                                asked.skip(range.before).map(BatchInput.Request::messages),
                                options);
                ProgressLine progress = new ProgressLine(err)) {
            Eta eta = new Eta();
            eta.text((double) done / range.all);
            Iterator<BatchInput.Request> requests = same.skip(range.before).iterator();
            Iterator<ChatBatch.Answer> next = answers.iterator();
            while (next.hasNext()) {
                ChatBatch.Answer answer = next.next();
                out.write(requests.next(), answer, tokenizer);
                failed += answer.failure().isPresent() ? 1 : 0;
                done++;
                progress.update(
                        String.format(Locale.ROOT, "%d of %d answers: ", done, range.all)
                                + eta.text((double) done / range.all));
            }
        } catch (CancellationException e) {
            err.println(
                    String.format(
                                    Locale.ROOT,
                                    "bigllama: interrupted after %d of %d answers",
                                    done,
                                    range.all)
                            + (output.isPresent() ? "; the same command goes on" : ""));
            return ExitCode.INTERRUPTED;
        } finally {
            interruption.onRequest(() -> {});
            Thread.interrupted();
        }
        if (failed > 0) {
            err.println(
                    String.format(
                            Locale.ROOT,
                            "bigllama: %d of %d lines could not be answered; \"error\" says why",
                            failed,
                            range.all - range.before));
            return ExitCode.FAILED;
        }
        return ExitCode.OK;
    }
}
