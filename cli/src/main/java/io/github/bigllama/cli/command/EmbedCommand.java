package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.AdapterArguments;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.Names;
import io.github.bigllama.cli.option.TextArguments;
import io.github.bigllama.cli.output.Eta;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.cli.process.Terminals;
import io.github.bigllama.core.Embedder;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.option.EmbeddingOptions;
import io.github.bigllama.core.option.Pooling;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Prints vectors of texts. */
@Command(
        name = "embed",
        description = {
            "Turn texts into vectors, which are close to each other if the texts mean the same. "
                    + "Each line is a text; each line of the output is a vector.",
            ""
        })
public final class EmbedCommand implements Callable<Integer> {
    /** Texts between two updates of the progress. */
    private static final int CHUNK = 64;

    @Mixin TextArguments text = new TextArguments();

    @Option(
            names = "--jsonl",
            description =
                    "Each line is JSON: a string, or an object with \"text\" and keys of your own, "
                            + "which --json repeats.")
    boolean jsonLines;

    /** The forms of the output. */
    static final class Form {
        @Option(names = "--json", description = "Print each text and its vector as a JSON line.")
        boolean json;

        @Option(names = "--csv", description = "Put commas between the numbers, not spaces.")
        boolean csv;

        EmbedOutput output() {
            return json ? EmbedOutput.JSON : csv ? EmbedOutput.CSV : EmbedOutput.PLAIN;
        }
    }

    @ArgGroup Form form = new Form();

    @Option(
            names = "--prefix",
            paramLabel = "TEXT",
            description =
                    "Put this before each text, such as the instruction that the model was "
                            + "trained with (\"query: \").")
    String prefix = "";

    @Option(
            names = "--pooling",
            paramLabel = "KIND",
            completionCandidates = Names.Poolings.class,
            converter = Names.Poolings.class,
            description =
                    "How the vectors of tokens become one: ${COMPLETION-CANDIDATES}. Default: as "
                            + "the model's file says, or else mean.")
    Pooling pooling = Pooling.MODEL;

    @Option(
            names = "--no-normalize",
            description = "Leave the vectors as the model computes them, not of length 1.")
    boolean raw;

    @Option(
            names = "--truncate",
            description = "Cut texts that are too long, instead of refusing them.")
    boolean truncate;

    @Option(
            names = {"-b", "--batch-size"},
            paramLabel = "N",
            description =
                    "Most tokens computed in one pass, and of a text. Default: what the model was "
                            + "trained with, but at most "
                            + EmbeddingOptions.MOST_AUTO_BATCH
                            + ".")
    int batchSize = EmbeddingOptions.AUTO_BATCH;

    @Option(
            names = {"-t", "--threads"},
            paramLabel = "N",
            description = "Number of threads that compute. Default: one per physical core.")
    int threads;

    @Mixin CommonArguments common = new CommonArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n")
    ModelArguments model = new ModelArguments();

    @ArgGroup(validate = false, heading = "%nAdapters:%n")
    AdapterArguments adapters = new AdapterArguments();

    @Override
    public Integer call() {
        List<EmbedInput> inputs = EmbedInput.of(text.read("text", true), jsonLines);
        EmbeddingOptions options = options();
        try (Interruption interruption = new Interruption();
                LlamaModel loaded =
                        model.load(adapters.addTo(model.toOptions()), interruption, System.err);
                Embedder embedder = loaded.newEmbedder(options)) {
            loaded.residencyPlan().ifPresent(plan -> System.err.println("bigllama: " + plan));
            Thread thread = Thread.currentThread();
            interruption.onRequest(thread::interrupt);
            try (ProgressLine progress = new ProgressLine(System.err)) {
                print(inputs, embedder, progress);
            } finally {
                interruption.onRequest(() -> {});
            }
        }
        return ExitCode.OK;
    }

    private EmbeddingOptions options() {
        try {
            return EmbeddingOptions.defaults()
                    .withPooling(pooling)
                    .withNormalize(!raw)
                    .withPrefix(prefix)
                    .withTruncate(truncate)
                    .withBatchSize(batchSize)
                    .withThreads(threads);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage());
        }
    }

    private void print(List<EmbedInput> inputs, Embedder embedder, ProgressLine progress) {
        Output out = Output.standard();
        Eta eta = new Eta();
        for (int from = 0; from < inputs.size(); from += CHUNK) {
            // On a terminal the vectors themselves show how far it is.
            if (!Terminals.isTerminal(Terminals.STDOUT)) {
                progress.update(
                        String.format(Locale.ROOT, "%d of %d texts: ", from, inputs.size())
                                + eta.text((double) from / inputs.size()));
            }
            List<EmbedInput> chunk = inputs.subList(from, Math.min(inputs.size(), from + CHUNK));
            StringBuilder lines = new StringBuilder();
            try {
                embedder.embed(
                        chunk.stream().map(EmbedInput::text).toList(),
                        (i, vector) ->
                                lines.append(form.output().line(chunk.get(i), vector))
                                        .append('\n'));
            } catch (PromptTooLongException e) {
                throw tooLong(chunk, embedder, e);
            }
            out.print(lines.toString());
        }
    }

    private static CommandException tooLong(
            List<EmbedInput> chunk, Embedder embedder, PromptTooLongException e) {
        int line =
                chunk.stream()
                        .filter(input -> tokens(embedder, input) == e.promptTokens())
                        .findFirst()
                        .orElseThrow()
                        .line();
        int trained = embedder.model().trainedContextSize();
        return new CommandException(
                ExitCode.FAILED,
                String.format(
                        Locale.ROOT,
                        "line %d has %d tokens, but %d are the most that are computed in one pass; divide it, or cut it with --truncate%s",
                        line,
                        e.promptTokens(),
                        e.contextSize(),
                        e.contextSize() < trained
                                ? ", or raise that with -b, to at most " + trained
                                : ""),
                e);
    }

    private static int tokens(Embedder embedder, EmbedInput input) {
        String text = embedder.options().prefix() + input.text();
        return embedder.model().tokenizer().encode(text, true, false).length;
    }
}
