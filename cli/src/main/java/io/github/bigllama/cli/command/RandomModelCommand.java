package io.github.bigllama.cli.command;

import io.github.bigllama.cli.option.CommonArguments;
import io.github.bigllama.cli.option.ModelArguments;
import io.github.bigllama.cli.option.NewFile;
import io.github.bigllama.cli.output.ByteSize;
import io.github.bigllama.cli.process.CommandException;
import io.github.bigllama.cli.process.ExitCode;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.internal.synthetic.Architecture;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.DoublePredicate;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Writes a model to measure speed with. */
@Command(
        name = "random-model",
        description = {
            "Write a model with random Q8_0 weights, to measure speed with, or to see that an architecture"
                    + " works. It talks nonsense.",
            ""
        })
public final class RandomModelCommand implements Callable<Integer> {
    private static final long SIZE = 1_500_000_000;
    private static final int MOST_LAYERS = 512;

    private static final List<String> MEASURED =
            List.of("dense", "moe", "moe-large", "moe-favourites", "scout", "reranker");

    @Parameters(paramLabel = "FILE", description = "The file to write.")
    Path file;

    @Option(
            names = "--size",
            paramLabel = "SIZE",
            converter = ByteSize.class,
            description =
                    "Approximate size of the result. Default: 1.5G, and for an architecture that of the"
                            + " fewest layers that show what is special about it.")
    Long size;

    @Option(
            names = "--shape",
            paramLabel = "SHAPE",
            defaultValue = "dense",
            completionCandidates = Shapes.class,
            description =
                    "${COMPLETION-CANDIDATES}. dense is a llama (the default); moe has 64 experts per"
                            + " layer, of which a token uses 8; moe-large has experts of four times the"
                            + " size; moe-favourites uses some more than others, as real models do; scout"
                            + " has the shape of Llama 4 Scout, 112 GB; reranker is like"
                            + " Qwen3-Reranker; the others are small models of the"
                            + " architectures of these names.")
    String shape;

    @Option(
            names = "--layers",
            paramLabel = "N",
            description =
                    "Number of layers, rounded up to what an architecture repeats. Default: that of"
                            + " the shape.")
    Integer layers;

    @Option(
            names = "--sparse",
            description =
                    "Leave out the weights: they read as zeros and take no space on the " + "disk.")
    boolean sparse;

    @Mixin NewFile newFile = new NewFile();
    @Mixin CommonArguments common = new CommonArguments();

    /** All shapes, for help and completion. */
    static final class Shapes implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Stream.concat(MEASURED.stream(), Architecture.names().stream()).iterator();
        }
    }

    /** Writes the model. */
    private interface Writer {
        void write(Gguf vocabulary, DoublePredicate progress) throws IOException;
    }

    @Override
    public Integer call() throws IOException {
        if (layers != null && (layers < 1 || layers > MOST_LAYERS)) {
            throw CommandException.usage("--layers is " + layers + ", must be 1 to " + MOST_LAYERS);
        }
        Writer writer = Architecture.names().contains(shape) ? architecture() : measured();
        Gguf vocabulary = Gguf.read(ModelArguments.demoModel());
        newFile.write(file, progress -> writer.write(vocabulary, progress));
        NewFile.report(file);
        return ExitCode.OK;
    }

    private Writer architecture() {
        Architecture one = Architecture.of(shape);
        Architecture sized = size == null ? one : one.ofSize(size);
        Architecture made = layers == null ? sized : one.withLayers(layers);
        return (vocabulary, progress) ->
                RandomModel.write(file, made, vocabulary, sparse, progress);
    }

    private Writer measured() {
        long bytes = size == null ? SIZE : size;
        Shape sized =
                switch (shape) {
                    case "dense" -> Shape.dense(bytes);
                    case "moe" -> Shape.experts(bytes);
                    case "moe-large" -> Shape.largeExperts(bytes);
                    case "moe-favourites" -> Shape.experts(bytes).withFavourites();
                    case "scout" -> Shape.scout();
                    case "reranker" -> Shape.reranker(bytes);
                    default ->
                            throw CommandException.usage(
                                    "--shape is '%s', must be one of %s"
                                            .formatted(shape, String.join(", ", new Shapes())));
                };
        Shape made = layers == null ? sized : sized.withLayers(layers);
        return (vocabulary, progress) ->
                RandomModel.write(file, made, vocabulary, sparse, progress);
    }
}
