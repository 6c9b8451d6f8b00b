package io.github.bigllama.cli.command;

import io.github.bigllama.cli.models.Http;
import io.github.bigllama.cli.models.ModelSource;
import io.github.bigllama.cli.models.ModelsFolder;
import io.github.bigllama.cli.models.Pull;
import io.github.bigllama.cli.models.RemoteModel;
import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelHeaders;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.output.Eta;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.ProgressLine;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Interruption;
import io.github.bigllama.core.LlamaException;
import io.github.bigllama.gguf.GgufException;
import io.github.bigllama.gguf.ModelFiles;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Brings a model from the web. */
@Command(
        name = "pull",
        description = {
            "Download a model into the models folder (BIGLLAMA_MODELS). What was stopped goes on where it"
                    + " stopped. A token is taken from HF_TOKEN, a proxy from https_proxy.",
            ""
        })
public final class PullCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "SOURCE",
            description =
                    "hf:owner/repo[@revision][:quant], for example hf:owner/repo:Q4_K_M, or the"
                            + " address of a GGUF file.")
    String source;

    @Option(
            names = "--endpoint",
            paramLabel = "URL",
            description = "The server of hf: sources. Default: HF_ENDPOINT, or Hugging Face.")
    Optional<String> endpoint = Optional.empty();

    @Option(
            names = "--no-plan",
            description = "Do not look first how the model will run on this machine.")
    boolean noPlan;

    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() {
        if (!ModelSource.isRemote(source)) {
            throw CommandException.usage(
                    "'"
                            + source
                            + "' is no address of a model; write hf:owner/repo or https://...");
        }
        PrintStream err = System.err;
        Http http = Http.ofEnvironment(endpoint.orElseGet(ModelHeaders::endpoint));
        RemoteModel model = ModelSource.find(source, http, PullCommand::say);
        model.choice().ifPresent(PullCommand::say);
        Pull pull = new Pull(ModelsFolder.ofEnvironment(), model, http, PullCommand::say);
        boolean isNew;
        try {
            isNew = bring(pull, () -> printPlan(model, http, err));
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    "cannot pull "
                            + source
                            + ": "
                            + CommandException.reason(e)
                            + "; what has come is kept, and the same command goes on",
                    e);
        }
        Path first = pull.firstFile();
        try {
            ModelFiles.read(first);
        } catch (GgufException e) {
            throw new CommandException(
                    ExitCode.FAILED, e.getMessage() + "; bigllama rm deletes it", e);
        }
        Output.standard().println(first.toString());
        return ExitCode.OK;
    }

    /** What can't be foreseen can still be downloaded. */
    private void printPlan(RemoteModel model, PrintStream err) {
        try {
            PlanCommand.brief(model.files().getFirst().address().toString())
                    .forEach(line -> err.println("bigllama: " + line));
        } catch (LlamaException | GgufException | CommandException e) {
            err.println("bigllama: no plan for it: " + e.getMessage());
        }
    }

    private void bring(Pull pull) throws IOException {
        try (Interruption interruption = new Interruption();
                ProgressLine line = new ProgressLine(System.err)) {
            Eta eta = new Eta();
            long start = System.nanoTime();
            long[] before = {-1};
            pull.run(
                    (done, total) -> {
                        before[0] = before[0] < 0 ? done : before[0];
                        double speed = (done - before[0]) * 1e9 / (System.nanoTime() - start + 1);
                        line.update(
                                String.format(
                                        Locale.ROOT,
                                        "pulling %s: %s of %s, %s/s, %s",
                                        pull.name(),
                                        ByteSize.format(done),
                                        ByteSize.format(total),
                                        ByteSize.format(speed),
                                        eta.text(total == 0 ? 0 : (double) done / total)));
                        return !interruption.isRequested();
                    });
        } catch (CancellationException e) {
            System.err.println(
                    "bigllama: stopped; what has come is kept, and the same command goes on");
            throw e;
        }
    }
}
