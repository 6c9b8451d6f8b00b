package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.output.ResidencyPicture;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.cli.process.Terminals;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Draws which parts of a model are in RAM. */
@Command(
        name = "residency",
        description = {
            "Draw which parts of which layers of a model are in RAM now, whichever program read "
                    + "them.",
            "",
            "The system shows this only for files that you own or may write.",
            ""
        })
public final class ResidencyCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "MODEL",
            description =
                    "A GGUF file (the first part of a split model), or a downloaded model's name.")
    Path model;

    @Option(
            names = "--watch",
            arity = "0..1",
            fallbackValue = "1",
            paramLabel = "SECONDS",
            description = "Draw again every SECONDS seconds, until Ctrl-C.")
    Double watch;

    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() throws InterruptedException {
        if (watch != null && !(watch >= 0.1 && watch <= 3600)) {
            throw CommandException.usage("--watch is " + watch + ", must be 0.1 to 3600 seconds");
        }
        Output out = Output.standard();
        try {
            Path file = ModelArguments.file(model);
            Weights weights = Weights.of(ModelFiles.read(file));
            do {
                List<String> lines = ResidencyPicture.draw(weights, mostLines());
                String picture = String.join("\n", lines) + "\n";
                if (watch != null) {
                    out.clearScreen();
                }
                out.print(picture);
                if (watch != null) {
                    TimeUnit.MILLISECONDS.sleep((long) (watch * 1000));
                }
            } while (watch != null);
        } catch (GgufException e) {
            throw new CommandException(ExitCode.FAILED, e.getMessage(), e);
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED,
                    "cannot see which pages of "
                            + model
                            + " are in RAM: "
                            + CommandException.reason(e),
                    e);
        }
        return ExitCode.OK;
    }

    /** A picture that is redrawn must fit the screen; the last row has the cursor. */
    private int mostLines() {
        return watch == null
                ? Integer.MAX_VALUE
                : Terminals.size(Terminals.STDOUT)
                        .map(size -> size.rows() - 1)
                        .orElse(Integer.MAX_VALUE);
    }
}
