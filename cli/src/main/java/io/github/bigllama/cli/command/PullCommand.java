package io.github.bigllama.cli.command;

import io.github.bigllama.cli.models.ModelSource;
import io.github.bigllama.cli.models.ModelsFolder;
import io.github.bigllama.cli.models.Pull;
import io.github.bigllama.cli.models.RemoteModel;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelHeaders;
import io.github.bigllama.cli.option.SessionArguments;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.PlanReport;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.forecast.Forecaster;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.option.SessionOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Downloads a model. */
@Command(
        name = "pull",
        description = {
            "Download a model into the models folder (BIGLLAMA_MODELS). An interrupted download "
                    + "continues where it stopped. The token is taken from HF_TOKEN, proxies from "
                    + "https_proxy and similar variables as for curl, certificate authorities from "
                    + "SSL_CERT_FILE or the system.",
            ""
        })
public final class PullCommand implements Callable<Integer> {
    /** The download does not wait longer for the forecast, which then comes after it. */
    private static final Duration HEADER_LIMIT = Duration.ofSeconds(10);

    @Parameters(
            paramLabel = "SOURCE",
            description =
                    "hf:owner/repo[@revision][:name], for example hf:owner/repo:Q4_K_M; the name is"
                            + " a quantization, a file or a path. Or the address of a GGUF file.")
    String source;

    @Option(
            names = "--endpoint",
            paramLabel = "URL",
            description = "The server of hf: sources. Default: HF_ENDPOINT, or Hugging Face.")
    Optional<String> endpoint = Optional.empty();

    @Option(
            names = "--no-plan",
            description = "Do not forecast first how the model will run on this machine.")
    boolean noPlan;

    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() {
        if (!ModelSource.isRemote(source)) {
            throw CommandException.usage(
                    "'"
                            + source
                            + "' is not the address of a model; write hf:owner/repo or "
                            + "https://...");
        }
        Http http = Http.ofEnvironment(endpoint.orElseGet(ModelHeaders::endpoint));
        RemoteModel model = ModelSource.find(source, http, PullCommand::say);
        model.choice().ifPresent(PullCommand::say);
        Pull pull = new Pull(ModelsFolder.ofEnvironment(), model, http);
        boolean isPlanned = noPlan;
        try {
            if (run(pull, pull::isComplete)) {
                ModelFiles.read(pull.firstFile());
                say(model.name() + " is already there: " + pull.firstFile());
                return ExitCode.OK;
            }
            isPlanned =
                    isPlanned
                            || forecast(() -> ModelHeaders.readWithin(HEADER_LIMIT, model, http))
                                    .isEmpty();
            run(pull, pull::run);
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    "cannot pull "
                            + model.name()
                            + ": "
                            + CommandException.reason(e)
                            + (pull.hasPart()
                                    ? "; the part that was downloaded is kept, and the same command continues"
                                    : ""),
                    e);
        }
        Path first = pull.firstFile();
        try {
            ModelFiles.read(first);
        } catch (GgufException e) {
            throw new CommandException(
                    ExitCode.FAILED, e.getMessage() + "; bigllama rm deletes it", e);
        }
        if (!isPlanned) {
            // Servers that are busy or slow, or don't send parts of files, have sent all of it now.
            forecast(() -> ModelFiles.read(first))
                    .ifPresent(reason -> say("cannot forecast how it will run: " + reason));
        }
        Output.standard().println(first.toString());
        return ExitCode.OK;
    }

    private static void say(String line) {
        System.err.println("bigllama: " + line);
    }

    /** Prints how the model will run, or returns why that is unknown. */
    private static Optional<String> forecast(Supplier<ModelFiles> headers) {
        try (Forecaster forecaster = new Forecaster(headers.get())) {
            SessionOptions options =
                    new SessionArguments().toOptions(forecaster.trainedContextSize());
            PlanReport.brief(
                            forecaster,
                            options,
                            PlanReport.bandwidths(forecaster, options, null, null, false))
                    .forEach(PullCommand::say);
            return Optional.empty();
        } catch (LlamaException | GgufException | CommandException e) {
            return Optional.of(e.getMessage());
        }
    }

    /** A step of a pull. */
    private interface Step<T> {
        T run(Pull.Progress progress) throws IOException;
    }

    private <T> T run(Pull pull, Step<T> step) throws IOException {
        try (Interruption interruption = new Interruption();
                ProgressLine line = new ProgressLine(System.err)) {
            interruption.onRequest(pull::stop);
            return step.run(new PullProgress(pull.name(), line));
        } catch (CancellationException e) {
            say("stopped; the part that was downloaded is kept, and the same command continues");
            throw e;
        }
    }
}
