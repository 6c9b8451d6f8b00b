package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.NewFile;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.internal.synthetic.InflatedModel;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a larger model with the same answers. */
@Command(
        name = "inflate",
        description = {
            "Make a model larger without changing its answers, to see how a large one runs:"
                    + " neurons and layers are added whose output is multiplied by zero.",
            ""
        })
public final class InflateCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "IN",
            description = "A dense llama model in Q8_0; demo for the demo model.")
    Path in;

    @Parameters(index = "1", paramLabel = "OUT", description = "The file to write.")
    Path out;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            required = true,
            description = "Approximate size of the result, for example 8G.")
    long size;

    @Mixin NewFile newFile = new NewFile();
    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() {
        Path model = in.toString().equals("demo") ? ModelArguments.demoModel() : in;
        try {
            newFile.write(out, progress -> InflatedModel.write(model, size, out, progress));
        } catch (GgufException e) {
            throw new CommandException(ExitCode.FAILED, e.getMessage(), e);
        }
        NewFile.report(out);
        return ExitCode.OK;
    }
}
