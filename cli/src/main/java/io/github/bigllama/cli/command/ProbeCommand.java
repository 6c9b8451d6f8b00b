package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.output.Output;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.forecast.DiskSpeed;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Prints numbers for the scripts that measure bigllama. */
@Command(
        name = "probe",
        hidden = true,
        description = {
            "Print numbers for scripts, and nothing else.",
            "",
            "disk: bytes per second at which a file that is not in RAM can be read.",
            "weights: bytes of a model that every token uses, of all its experts, and of the experts"
                    + " that one token uses.",
            ""
        })
public final class ProbeCommand implements Callable<Integer> {
    /** The subjects to measure. */
    enum Subject {
        disk,
        weights
    }

    @Parameters(index = "0", paramLabel = "disk|weights", description = "What to measure.")
    Subject subject;

    @Parameters(index = "1", paramLabel = "FILE", description = "The file of a model.")
    Path file;

    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() {
        Output.standard()
                .println(
                        switch (subject) {
                            case disk -> disk();
                            case weights -> weights();
                        });
        return ExitCode.OK;
    }

    private String disk() {
        try {
            return Long.toString((long) DiskSpeed.inOrder(file, Long.MAX_VALUE, Double.MAX_VALUE));
        } catch (IOException e) {
            throw new CommandException(
                    ExitCode.FAILED, "cannot read " + file + ": " + CommandException.reason(e), e);
        }
    }

    private String weights() {
        Weights weights = Weights.of(ModelFiles.read(file));
        long everyToken = weights.size(Weight.Use.EVERY_TOKEN);
        return everyToken
                + " "
                + weights.size(Weight.Use.EXPERTS)
                + " "
                + (weights.activeSize() - everyToken);
    }
}
