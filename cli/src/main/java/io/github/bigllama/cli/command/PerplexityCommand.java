package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.AdapterArguments;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.ModelUse;
import io.github.bigllama.cli.option.SessionArguments;
import io.github.bigllama.cli.option.TextArguments;
import io.github.bigllama.cli.output.Eta;
import io.github.bigllama.cli.output.Json;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.eval.KlDivergence;
import io.github.bigllama.core.eval.Perplexity;
import io.github.bigllama.core.forecast.Forecaster;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.function.DoublePredicate;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * Measures how well a model predicts a text, and how far its predictions are from another model's.
 */
@Command(
        name = "perplexity",
        description = {
            "Measure how well a model predicts a text, as llama-perplexity does; with --base also "
                    + "how far its predictions are from another model's, such as the one it was "
                    + "quantized from.",
            ""
        })
public final class PerplexityCommand implements Callable<Integer> {
    private static final int DEFAULT_CONTEXT = 512;

    @Mixin CommonArguments common = new CommonArguments();
    @Mixin TextArguments text = new TextArguments();

    @Option(
            names = "--base",
            paramLabel = "FILE",
            description = "The model to compare with; both are loaded.")
    Path base;

    @Option(
            names = "--chunks",
            paramLabel = "N",
            description =
                    "Compute only the first chunks of the text, this many; 0 (the default) "
                            + "for all.")
    int chunks;

    @Option(
            names = "--special",
            description =
                    "Treat control tokens in the text, such as <|im_end|>, as control tokens; "
                            + "llama-perplexity takes them as plain text.")
    boolean special;

    @Option(names = "--json", description = "Print it as JSON.")
    boolean json;

    @ArgGroup(validate = false, heading = "%nModel:%n")
    ModelArguments model = new ModelArguments();

    @ArgGroup(validate = false, heading = "%nAdapters (not of --base):%n")
    AdapterArguments adapters = new AdapterArguments();

    @ArgGroup(
            validate = false,
            heading =
                    "%nContext (the length of a chunk; by default "
                            + DEFAULT_CONTEXT
                            + " tokens):%n")
    SessionArguments session = new SessionArguments();

    @Override
    public Integer call() {
        model.requireNoDraft();
        String input = text.read("text", true);
        if (chunks < 0) {
            throw CommandException.usage("--chunks is " + chunks + ", must be 0 or more");
        }
        ModelOptions options = model.toOptions();
        if (base != null && options.ram().isEmpty() && options.loadMode() == LoadMode.AUTO) {
            // Each of the two models would plan with all of the available RAM.
            options = options.withRam(Forecaster.availableRam() / 2);
        }
        try (Interruption interruption = new Interruption();
                LlamaModel loaded =
                        ModelUse.WRITE.require(
                                model.load(adapters.addTo(options), interruption, System.err))) {
            int[] tokens = loaded.tokenizer().encode(input, true, special);
            if (base == null) {
                printPerplexity(
                        measure(
                                interruption,
                                go -> Perplexity.of(loaded, tokens, session(), chunks, go)));
                loaded.residency()
                        .ifPresent(kept -> System.err.println("bigllama: " + kept.plan()));
                return ExitCode.OK;
            }
            try (LlamaModel other = LlamaModel.load(base, options)) {
                printDivergence(
                        measure(
                                interruption,
                                go ->
                                        KlDivergence.of(
                                                loaded, other, tokens, session(), chunks, go)));
            }
        }
        return ExitCode.OK;
    }

    private SessionOptions session() {
        SessionOptions options = session.toOptions(DEFAULT_CONTEXT);
        if (options.contextSize() < 1) {
            throw CommandException.usage(
                    "-c must be a number of tokens here: it is the length of " + "a chunk");
        }
        return options;
    }

    /** A measurement that can be cancelled. */
    private interface Measurement<T> {
        T run(DoublePredicate progress);
    }

    private static <T> T measure(Interruption interruption, Measurement<T> measurement) {
        try (ProgressLine line = new ProgressLine(System.err)) {
            Eta eta = new Eta();
            return measurement.run(
                    fraction -> {
                        line.update("computing: " + eta.text(fraction));
                        return !interruption.isRequested();
                    });
        }
    }

    private void printPerplexity(Perplexity result) {
        Output.standard().println(json ? Json.write(result) : line("perplexity", result));
    }

    private void printDivergence(KlDivergence result) {
        Output out = Output.standard();
        if (json) {
            out.println(Json.write(result));
            return;
        }
        out.println(line("perplexity      ", result.perplexity()));
        out.println(line("of the base     ", result.base()));
        out.println(text("ratio            %.6f +/- %.6f", result.ratio(), result.ratioError()));
        out.println(
                text(
                        "KL divergence    %.6f +/- %.6f, 99th percentile %.6f, maximum %.6f",
                        result.mean(), result.meanError(), result.quantile99(), result.max()));
        out.println(text("same top token   %.3f %%", 100 * result.sameTop()));
    }

    private static String line(String name, Perplexity result) {
        return text(
                "%s %.4f +/- %.5f (%d tokens in %d chunks of %d)",
                name,
                result.value(),
                result.standardError(),
                result.tokens(),
                result.chunks(),
                result.contextSize());
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
