package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.AdapterArguments;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.ModelUse;
import io.github.bigllama.cli.option.Names;
import io.github.bigllama.cli.option.PassArguments;
import io.github.bigllama.cli.option.TextArguments;
import io.github.bigllama.cli.output.Output;
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
                    + "Each line is a text, a blank one too; each line of the output is a "
                    + "vector.",
            ""
        })
public final class EmbedCommand implements Callable<Integer> {
    @Mixin TextArguments text = new TextArguments();

    @Option(
            names = "--jsonl",
            description =
                    "Each line is JSON: a string, or an object with \"text\" and keys of your own, "
                            + "which --json repeats. Blank lines are left out.")
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

    @Mixin PassArguments pass = new PassArguments();

    @Mixin CommonArguments common = new CommonArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n")
    ModelArguments model = new ModelArguments();

    @ArgGroup(validate = false, heading = "%nAdapters:%n")
    AdapterArguments adapters = new AdapterArguments();

    @Override
    public Integer call() {
        model.requireNoDraft();
        List<TextInput> inputs =
                TextInput.of(
                        "text",
                        text.readLines("text"),
                        jsonLines,
                        true,
                        List.of(EmbedOutput.EMBEDDING));
        EmbeddingOptions options = options();
        try (Interruption interruption = new Interruption();
                LlamaModel loaded =
                        ModelUse.EMBED.require(
                                model.load(
                                        adapters.addTo(model.toOptions()),
                                        interruption,
                                        System.err));
                Embedder embedder = loaded.newEmbedder(options)) {
            loaded.residency().ifPresent(kept -> System.err.println("bigllama: " + kept.plan()));
            requireTokens(inputs, loaded);
            // On a terminal the vectors themselves show how far it is.
            boolean shows = !Terminals.isTerminal(Terminals.STDOUT);
            Output out = Output.standard();
            TextChunks.forEach(
                    inputs,
                    "texts",
                    shows,
                    interruption,
                    chunk -> out.print(lines(chunk, embedder)));
        }
        return ExitCode.OK;
    }

    /** Before anything is computed. */
    private void requireTokens(List<TextInput> inputs, LlamaModel loaded) {
        if (!prefix.isEmpty() || loaded.tokenizer().encode("", true, false).length > 0) {
            return;
        }
        for (TextInput input : inputs) {
            if (input.text().isEmpty()) {
                throw new CommandException(
                        ExitCode.FAILED,
                        "line "
                                + input.line()
                                + " is empty, and this model has no tokens for an empty text; "
                                + "remove the line, or set a --prefix",
                        null);
            }
        }
    }

    private EmbeddingOptions options() {
        return EmbeddingOptions.defaults()
                .withPooling(pooling)
                .withNormalize(!raw)
                .withPrefix(prefix)
                .withTruncate(pass.truncate())
                .withBatchSize(pass.batchSize())
                .withThreads(pass.threads());
    }

    private String lines(List<TextInput> chunk, Embedder embedder) {
        StringBuilder lines = new StringBuilder();
        try {
            embedder.embed(
                    chunk.stream().map(TextInput::text).toList(),
                    (i, vector) ->
                            lines.append(form.output().line(chunk.get(i), vector)).append('\n'));
        } catch (PromptTooLongException e) {
            throw pass.tooLong("line " + chunk.get(e.text()).line(), e, embedder.model());
        }
        return lines.toString();
    }
}
