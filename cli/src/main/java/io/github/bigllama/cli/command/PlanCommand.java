package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelHeaders;
import io.github.bigllama.cli.option.Names;
import io.github.bigllama.cli.option.SessionArguments;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Json;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.PlanReport;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.forecast.Forecaster;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.SessionOptions;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Forecasts how a model will run. */
@Command(
        name = "plan",
        description = {
            "Forecast how a model will run, before it is loaded or even downloaded: how much RAM "
                    + "it takes, how much is read from disk, how fast it is, and what would help.",
            ""
        })
public final class PlanCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "FILE|URL",
            description =
                    "A GGUF file or its address (the first part of a split model), or demo for the "
                            + "demo model.")
    String source;

    @Option(
            names = "--ram",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description =
                    "RAM for the program, for example 24G: for weights, the KV cache, Java and "
                            + "llama.cpp together; may be more than this machine has. "
                            + "Default: as much as the system can spare.")
    Long ram;

    @Option(
            names = "--kv",
            paramLabel = "TYPE",
            completionCandidates = Names.KvTypes.class,
            converter = Names.KvTypes.class,
            description = "Type of the keys and the values: sets both -ctk and -ctv.")
    KvType keyValueType;

    @Option(
            names = "--disk",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description =
                    "Bytes that the disk reads per second, for example 3GB. Default: "
                            + "measured.")
    Long disk;

    @Option(
            names = "--memory-bandwidth",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description =
                    "Bytes of weights in RAM that are computed with per second, for example 100GB. "
                            + "Default: measured.")
    Long memory;

    @Option(
            names = "--probe",
            description = "Repeat measurements that were made on this machine before.")
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
            PlanReport report =
                    PlanReport.of(
                            forecaster,
                            ram == null ? Forecaster.availableRam() : ram,
                            options,
                            PlanReport.bandwidths(forecaster, options, memory, disk, probe));
            if (json) {
                Output.standard().println(Json.write(report));
            } else {
                report.lines().forEach(Output.standard()::println);
            }
        }
        return ExitCode.OK;
    }
}
