package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelHeaders;
import io.github.bigllama.cli.option.Names;
import io.github.bigllama.cli.option.SessionArguments;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Json;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.PlanReport;
import io.github.bigllama.cli.output.PlanText;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.Bandwidths;
import io.github.bigllama.core.Forecast;
import io.github.bigllama.core.Forecaster;
import io.github.bigllama.core.KvType;
import io.github.bigllama.core.SessionOptions;
import io.github.bigllama.gguf.ModelFiles;
import io.github.bigllama.residency.Weights;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** What running a model will be like. */
@Command(
        name = "plan",
        description = {
            "Say what running a model will be like, before it is loaded or even downloaded: what it"
                    + " takes of RAM, what is read from disk, how fast it is, and what would help.",
            ""
        })
public final class PlanCommand implements Callable<Integer> {
    private static final double[] SHARES = {1, 0.75, 0.5, 0.25};

    @Parameters(
            paramLabel = "FILE|URL",
            description =
                    "A GGUF file or its address; of a split model the first part; demo for the demo"
                            + " model.")
    String source;

    @Option(
            names = "--ram",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description =
                    "RAM for the program, for example 24G; it may be more than there is. Default:"
                            + " what the system can spare.")
    Long ram;

    @Option(
            names = "--kv",
            paramLabel = "TYPE",
            completionCandidates = Names.KvTypes.class,
            converter = Names.KvTypes.class,
            description = "Type of the keys and values: both of -ctk and -ctv.")
    KvType keyValueType;

    @Option(
            names = "--disk",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description = "Bandwidth of the disk in a second, for example 3GB. Default: measured.")
    Long disk;

    @Option(
            names = "--memory-bandwidth",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description =
                    "Weights in RAM that are computed with in a second, for example 100GB. Default:"
                            + " measured.")
    Long memory;

    @Option(
            names = "--probe",
            description = "Measure again what has been measured on this machine before.")
    boolean probe;

    @Option(names = "--json", description = "Print it as JSON.")
    boolean json;

    @ArgGroup(validate = false, heading = "%nContext:%n")
    SessionArguments session = new SessionArguments();

    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() {
        ModelFiles files = ModelHeaders.read(source);
        try (Forecaster forecaster = new Forecaster(files)) {
            SessionOptions options = session.toOptions(forecaster.trainedContextSize());
            if (keyValueType != null) {
                options = options.withKvTypes(keyValueType, keyValueType);
            }
            Bandwidths bandwidths = bandwidths(forecaster, options);
            Forecast forecast =
                    forecaster.forecast(
                            ram == null ? Forecaster.availableRam() : ram, options, bandwidths);
            List<PlanReport.Share> shares = new ArrayList<>();
            for (double share : SHARES) {
                shares.add(new PlanReport.Share(share, forecaster.speed(share, bandwidths)));
            }
            PlanReport plan =
                    new PlanReport(
                            files.first().file(),
                            forecast,
                            forecast.total(),
                            shares,
                            forecaster.quantized(forecast.ram(), options, bandwidths),
                            forecaster.advice(options, forecast));
            if (json) {
                Output.standard().println(Json.write(plan));
            } else {
                new PlanText(plan).lines().forEach(Output.standard()::println);
            }
        }
        return ExitCode.OK;
    }

    /** The lines of a plan that say whether and how fast a model will run here. */
    static List<String> brief(ModelFiles files) {
        PlanCommand command = new PlanCommand();
        try (Forecaster forecaster = new Forecaster(files)) {
            SessionOptions options = command.session.toOptions(forecaster.trainedContextSize());
            Forecast forecast =
                    forecaster.forecast(
                            Forecaster.availableRam(),
                            options,
                            command.bandwidths(forecaster, options));
            return new PlanText(
                            new PlanReport(
                                    files.first().file(),
                                    forecast,
                                    forecast.total(),
                                    List.of(),
                                    List.of(),
                                    List.of()))
                    .facts()
                    .lines();
        }
    }

    private Bandwidths bandwidths(Forecaster forecaster, SessionOptions options) {
        try (ProgressLine line = new ProgressLine(System.err)) {
            line.update("measuring how fast this machine computes and reads, for some seconds");
            Weights weights = forecaster.weights();
            double inMemory =
                    memory != null
                            ? memory
                            : Bandwidths.measureMemory(weights, options.threads(), probe);
            return disk != null
                    ? Bandwidths.of(inMemory, disk)
                    : Bandwidths.withMeasuredDisk(
                            inMemory, weights, forecaster.files().first().path(), probe);
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    "cannot measure the disk: "
                            + CommandException.reason(e)
                            + "; say how fast it is, for example --disk 3GB",
                    e);
        }
    }
}
