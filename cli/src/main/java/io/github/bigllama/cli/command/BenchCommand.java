package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.AdapterArguments;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.ModelUse;
import io.github.bigllama.cli.option.SessionArguments;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Json;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.Residency;
import io.github.bigllama.core.residency.ResidencyStats;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Measures how fast a model runs. */
@Command(
        name = "bench",
        description = {
            "Measure the speed of a model, as llama-bench does: random tokens as a prompt (pp), and one"
                    + " after the other (tg). For a model that does not fit into RAM, also how "
                    + "much is read from disk.",
            ""
        })
public final class BenchCommand implements Callable<Integer> {
    private static final int SEED = 1;

    @Mixin CommonArguments common = new CommonArguments();

    @ArgGroup(validate = false, heading = "%nModel:%n")
    ModelArguments model = new ModelArguments();

    @ArgGroup(validate = false, heading = "%nAdapters:%n")
    AdapterArguments adapters = new AdapterArguments();

    @ArgGroup(validate = false, heading = "%nContext:%n")
    SessionArguments session = new SessionArguments();

    @Spec CommandSpec spec;

    @Parameters(
            arity = "0..1",
            paramLabel = "FILE",
            description =
                    "The model, a file or a downloaded model's name; the same as --model FILE.")
    Path file;

    @Option(
            names = {"-p", "--n-prompt"},
            paramLabel = "N",
            description = "Tokens in the prompt; 0 for no prompt (default: ${DEFAULT-VALUE}).")
    int promptTokens = 512;

    @Option(
            names = {"-n", "--n-gen"},
            paramLabel = "N",
            description =
                    "Tokens to generate one after the other; 0 for none (default: "
                            + "${DEFAULT-VALUE}).")
    int generatedTokens = 128;

    @Option(
            names = "--parallel",
            split = ",",
            paramLabel = "N",
            description =
                    "Also generate in so many conversations at a time, which share the passes over "
                            + "the weights; several numbers are separated by commas. The speed is "
                            + "that of all together.")
    List<Integer> parallel = List.of();

    @Option(
            names = {"-r", "--repetitions"},
            paramLabel = "N",
            description = "How often to repeat each test (default: ${DEFAULT-VALUE}).")
    int repetitions = 5;

    @Option(
            names = "--warm-up",
            paramLabel = "N",
            description =
                    "Tokens to compute before measuring, so that weights that stay in RAM are "
                            + "there (default: ${DEFAULT-VALUE}).")
    int warmUp = 1;

    @Option(
            names = {"-o", "--output"},
            paramLabel = "FORMAT",
            description = "md, csv or json (default: ${DEFAULT-VALUE}).")
    Format format = Format.md;

    /** The formats of the results. */
    enum Format {
        md,
        csv,
        json
    }

    /** One test, measured several times. */
    private record Result(String test, List<Double> speeds, ResidencyStats residency) {
        double median() {
            double[] sorted = speeds.stream().mapToDouble(Double::doubleValue).sorted().toArray();
            int middle = sorted.length / 2;
            return sorted.length % 2 == 1
                    ? sorted[middle]
                    : (sorted[middle - 1] + sorted[middle]) / 2;
        }
    }

    @Override
    public Integer call() {
        if (promptTokens < 0 || generatedTokens < 0 || repetitions < 1 || warmUp < 0) {
            throw CommandException.usage("-p, -n and --warm-up must be 0 or more, -r 1 or more");
        }
        if (promptTokens == 0 && generatedTokens == 0) {
            throw CommandException.usage("there is nothing to measure: -p and -n are 0");
        }
        if (parallel.stream().anyMatch(n -> n < 1 || n > SessionOptions.MAX_SEQUENCES)) {
            throw CommandException.usage(
                    String.format(
                            Locale.ROOT,
                            "--parallel must be 1 to %d",
                            SessionOptions.MAX_SEQUENCES));
        }
        if (file != null) {
            if (spec.commandLine().getParseResult().hasMatchedOption("--model")) {
                throw CommandException.usage(
                        "the model is given twice, as FILE and with --model; leave out one of them");
            }
            model.setFile(file);
        }
        try (Interruption interruption = new Interruption();
                LlamaModel loaded =
                        ModelUse.WRITE.require(
                                model.load(
                                        session.addTo(adapters.addTo(model.toOptions())),
                                        interruption,
                                        System.err))) {
            System.err.println(
                    "bigllama: %s, %s, %s"
                            .formatted(
                                    loaded.path().getFileName(),
                                    loaded.description(),
                                    ByteSize.format(loaded.sizeInBytes())));
            List<Result> results = new ArrayList<>();
            try (ProgressLine progress = new ProgressLine(System.err)) {
                results.addAll(alone(loaded, progress));
                for (int count : parallel) {
                    results.add(together(loaded, count, progress));
                }
            }
            print(loaded, results);
            loaded.residency().map(Residency::expertUses).ifPresent(BenchCommand::printExperts);
        }
        return ExitCode.OK;
    }

    private List<Result> alone(LlamaModel loaded, ProgressLine progress) {
        List<Result> results = new ArrayList<>();
        try (LlamaSession opened = loaded.newSession(sessionOptions(loaded))) {
            session.explain(opened, System.err);
            progress.update("warming up");
            SplittableRandom random = new SplittableRandom(SEED);
            for (int i = 0; i < warmUp; i++) {
                decode(opened, random, 1);
            }
            if (promptTokens > 0) {
                results.add(measure("pp" + promptTokens, opened, random, true, progress));
            }
            if (generatedTokens > 0) {
                results.add(measure("tg" + generatedTokens, opened, random, false, progress));
            }
        }
        return results;
    }

    private Result together(LlamaModel loaded, int count, ProgressLine progress) {
        String test = String.format(Locale.ROOT, "tg%d x %d", generatedTokens, count);
        List<Double> speeds = new ArrayList<>();
        try (ParallelBench bench = new ParallelBench(loaded, sessionOptions(loaded), count)) {
            bench.generate(warmUp);
            ResidencyStats residency = ResidencyStats.none(loaded.sizeInBytes());
            for (int i = 0; i < repetitions; i++) {
                progress.update(
                        String.format(
                                Locale.ROOT, "measuring %s: %d of %d", test, i + 1, repetitions));
                long start = System.nanoTime();
                for (PassStats pass : bench.generate(generatedTokens)) {
                    residency = residency.plus(pass);
                }
                speeds.add(count * generatedTokens * 1e9 / (System.nanoTime() - start));
            }
            return new Result(test, speeds, residency);
        }
    }

    private SessionOptions sessionOptions(LlamaModel loaded) {
        int needed = Math.max(256, Math.max(promptTokens, Math.max(generatedTokens, warmUp)));
        SessionOptions options = session.toOptions(loaded.trainedContextSize());
        return session.hasContextSize() ? options : options.withContextSize(needed);
    }

    private Result measure(
            String test,
            LlamaSession opened,
            SplittableRandom random,
            boolean prompt,
            ProgressLine progress) {
        List<Double> speeds = new ArrayList<>();
        ResidencyStats residency = ResidencyStats.none(opened.model().sizeInBytes());
        for (int i = 0; i < repetitions; i++) {
            progress.update(
                    String.format(Locale.ROOT, "measuring %s: %d of %d", test, i + 1, repetitions));
            opened.reset();
            int tokens = prompt ? promptTokens : generatedTokens;
            long start = System.nanoTime();
            if (prompt) {
                decode(opened, random, tokens);
                residency = opened.lastPass().map(residency::plus).orElse(residency);
            } else {
                for (int token = 0; token < tokens; token++) {
                    decode(opened, random, 1);
                    residency = opened.lastPass().map(residency::plus).orElse(residency);
                }
            }
            speeds.add(tokens * 1e9 / (System.nanoTime() - start));
        }
        return new Result(test, speeds, residency);
    }

    private static void decode(LlamaSession opened, SplittableRandom random, int count) {
        if (opened.contextUsed() + count > opened.contextSize()) {
            opened.reset();
        }
        int vocabulary = opened.model().vocabularySize();
        opened.decode(random.ints(count, 0, vocabulary).toArray());
    }

    /** A result in the form that {@code -o json} prints. */
    private record Row(
            String test,
            double tokensPerSecond,
            double min,
            double max,
            List<Double> samples,
            long bytesReadPerToken,
            double readBytesPerSecond,
            double residentShare,
            double stalledShare,
            double expertHitRate,
            long ownBytes) {
        static Row of(Result result) {
            ResidencyStats read = result.residency;
            return new Row(
                    result.test,
                    result.median(),
                    least(result),
                    most(result),
                    result.speeds,
                    read.bytesPerToken(),
                    read.readBytesPerSecond(),
                    read.passes() == 0 ? 1 : read.residentShare(),
                    read.stalledShare(),
                    read.expertHitRate(),
                    read.ownBytes());
        }
    }

    private void print(LlamaModel loaded, List<Result> results) {
        Output out = Output.standard();
        if (format == Format.json) {
            out.println(Json.write(results.stream().map(Row::of).toList()));
            return;
        }
        if (format == Format.csv) {
            out.println(
                    "test,tokens_per_second,min,max,bytes_read_per_token,read_bytes_per_second,"
                            + "resident_share,stalled_share,expert_hit_rate,own_bytes");
        } else {
            out.println(
                    "| test | tokens/s | min | max | read per token | disk | in RAM | waiting | "
                            + "experts hit |");
            out.println("|---|--:|--:|--:|--:|--:|--:|--:|--:|");
        }
        boolean streams = loaded.residency().isPresent();
        for (Result result : results) {
            out.println(format == Format.csv ? csv(result) : markdown(result, streams));
        }
    }

    /** Prints how evenly the experts are used, which decides how well caching them works. */
    private static void printExperts(int[] uses) {
        if (uses.length == 0) {
            return;
        }
        int[] sorted = uses.clone();
        Arrays.sort(sorted);
        System.err.printf(
                Locale.ROOT,
                "experts chosen %.1f times on average; least %d, 10th percentile %d, median %d, "
                        + "90th percentile %d, most %d%n",
                Arrays.stream(sorted).average().orElse(0),
                sorted[0],
                sorted[sorted.length / 10],
                sorted[sorted.length / 2],
                sorted[sorted.length * 9 / 10],
                sorted[sorted.length - 1]);
    }

    private static String csv(Result result) {
        Row row = Row.of(result);
        return String.format(
                Locale.ROOT,
                "%s,%.4f,%.4f,%.4f,%d,%.0f,%.4f,%.4f,%.4f,%d",
                row.test,
                row.tokensPerSecond,
                row.min,
                row.max,
                row.bytesReadPerToken,
                row.readBytesPerSecond,
                row.residentShare,
                row.stalledShare,
                row.expertHitRate,
                row.ownBytes);
    }

    private static String markdown(Result result, boolean streams) {
        ResidencyStats read = result.residency;
        String speed =
                String.format(
                        Locale.ROOT,
                        "| %s | %.2f | %.2f | %.2f |",
                        result.test,
                        result.median(),
                        least(result),
                        most(result));
        if (!streams || read.passes() == 0) {
            return speed + " | | all | | |";
        }
        return speed
                + String.format(
                        Locale.ROOT,
                        " %s | %.2f GB/s | %.0f %% | %.0f %% | %s |",
                        ByteSize.format(read.bytesPerToken()),
                        read.readBytesPerSecond() / 1e9,
                        100 * read.residentShare(),
                        100 * read.stalledShare(),
                        read.expertHits() + read.expertMisses() == 0
                                ? ""
                                : Math.round(100 * read.expertHitRate()) + " %");
    }

    private static double least(Result result) {
        return result.speeds.stream().mapToDouble(Double::doubleValue).min().orElse(0);
    }

    private static double most(Result result) {
        return result.speeds.stream().mapToDouble(Double::doubleValue).max().orElse(0);
    }
}
