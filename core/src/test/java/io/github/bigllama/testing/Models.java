package io.github.bigllama.testing;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Models for tests, written where a test wants them. */
public final class Models {
    private static final Path DEMO = Path.of(System.getProperty("bigllama.demo.model"));

    private Models() {}

    /** Three dense layers of 53 MB. */
    public static Path dense(Path folder) throws IOException {
        return write(folder.resolve("dense.gguf"), Shape.dense(160_000_000), false);
    }

    /** Twenty-eight layers of 232 MB, as holes. */
    public static Path wide(Path folder) throws IOException {
        return write(folder.resolve("wide.gguf"), Shape.dense(6_500_000_000L), true);
    }

    /** The shape of Llama 4 Scout with two layers, as holes. */
    public static Path scout(Path folder) throws IOException {
        return write(folder.resolve("scout.gguf"), Shape.scout().withLayers(2), true);
    }

    /** Two layers with 64 small experts. */
    public static Path experts(Path folder) throws IOException {
        Shape small = new Shape("qwen3moe", 2, 512, 256, 8, 2, 64, 64, 4, false);
        return write(folder.resolve("experts.gguf"), small, false);
    }

    public static Weights weights(Path path) {
        return Weights.of(ModelFiles.read(path));
    }

    private static Path write(Path path, Shape shape, boolean sparse) throws IOException {
        RandomModel.write(path, shape, Gguf.read(DEMO), sparse, fraction -> true);
        // What is not on the disk yet can't be dropped from RAM.
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
            channel.force(true);
        }
        return path;
    }
}
