package io.github.bigllama.cli;

import io.github.bigllama.gguf.Gguf;
import io.github.bigllama.gguf.RandomModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** A model for measuring; hidden, because nobody can talk with it. */
@Command(
        name = "random-model",
        hidden = true,
        description = {
            "Write a dense llama model with random Q8_0 weights, to measure speed with.",
            ""
        })
final class RandomModelCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "The file to write; replaced if it exists.")
    Path file;

    @Option(
            names = "--gigabytes",
            defaultValue = "1.5",
            description = "About how large it is to be (default: ${DEFAULT-VALUE}).")
    double gigabytes;

    @Mixin CommonArguments common = new CommonArguments();

    @Override
    public Integer call() throws IOException {
        if (!(gigabytes > 0 && gigabytes < 10_000)) {
            throw CommandException.usage("--gigabytes is " + gigabytes + ", must be 0 to 10000");
        }
        Gguf vocabulary = Gguf.read(ModelArguments.demoModel());
        RandomModel.write(file, (long) (gigabytes * 1e9), vocabulary);
        return ExitCode.OK;
    }
}
