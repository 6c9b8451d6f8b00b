package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.NewFile;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a model to measure speed with. */
@Command(
        name = "random-model",
        description = {
            "Write a model with random Q8_0 weights, to measure speed with; it talks nonsense.",
            ""
        })
public final class RandomModelCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "The file to write.")
    Path file;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            defaultValue = "1.5G",
            description = "Approximate size of the result (default: ${DEFAULT-VALUE}).")
    long size;

    @Option(
            names = "--shape",
            paramLabel = "SHAPE",
            defaultValue = "dense",
            description =
                    "dense: a llama; moe: 64 experts per layer, of which a token uses 8; moe-large:"
                            + " the same with experts of four times the size; moe-favourites: as moe, but"
                            + " some experts are used more than others, as in real models; scout: the shape of"
                            + " Llama 4 Scout, 112 GB (default: ${DEFAULT-VALUE}).")
    ShapeName shape;

    @Option(
            names = "--layers",
            paramLabel = "N",
            description = "Number of layers. Default: that " + "of the shape.")
    Integer layers;

    @Option(
            names = "--sparse",
            description =
                    "Leave out the weights: they read as zeros and take no space on the " + "disk.")
    boolean sparse;

    @Mixin NewFile newFile = new NewFile();
    @Mixin CommonArguments common = new CommonArguments();

    /** The shapes, by the names that users type. */
    enum ShapeName {
        dense,
        moe,
        moe_large {
            @Override
            public String toString() {
                return "moe-large";
            }
        },
        moe_favourites {
            @Override
            public String toString() {
                return "moe-favourites";
            }
        },
        scout
    }

    @Override
    public Integer call() throws IOException {
        Shape made =
                switch (shape) {
                    case dense -> Shape.dense(size);
                    case moe -> Shape.experts(size);
                    case moe_large -> Shape.largeExperts(size);
                    case moe_favourites -> Shape.experts(size).withFavourites();
                    case scout -> Shape.scout();
                };
        if (layers != null) {
            if (layers < 1 || layers > 512) {
                throw CommandException.usage("--layers is " + layers + ", must be 1 to 512");
            }
            made = made.withLayers(layers);
        }
        Shape chosen = made;
        Gguf vocabulary = Gguf.read(ModelArguments.demoModel());
        newFile.write(
                file, progress -> RandomModel.write(file, chosen, vocabulary, sparse, progress));
        NewFile.report(file);
        return ExitCode.OK;
    }
}
