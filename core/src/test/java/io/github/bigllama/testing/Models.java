package io.github.bigllama.testing;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufWriter;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;

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

    /** Fourteen layers with 64 experts of three weights each, of which 4 are used: 100 MB. */
    public static Path manyExperts(Path folder) throws IOException {
        Shape small = new Shape("qwen3moe", 14, 256, 128, 4, 2, 64, 64, 4, false);
        return write(folder.resolve("many-experts.gguf"), small, false);
    }

    /** As {@link #experts}, with slices that are not a multiple of a page: 38 and a quarter. */
    public static Path oddExperts(Path folder) throws IOException {
        Shape small = new Shape("qwen3moe", 2, 512, 288, 8, 2, 64, 64, 4, false);
        return write(folder.resolve("odd-experts.gguf"), small, false);
    }

    /**
     * Six dense layers of 12 MB whose token embedding is the output projection too, and which share
     * the frequencies of RoPE.
     */
    public static Path tied(Path folder) throws IOException {
        Shape shape = new Shape("llama", 6, 1024, 2816, 16, 4, 64, 0, 0, false);
        Path plain = write(folder.resolve("plain.gguf"), shape, false);
        Path path = folder.resolve("tied.gguf");
        Gguf model = Gguf.read(plain);
        GgufWriter writer = new GgufWriter();
        model.metadata().asMap().forEach(writer::put);
        byte[] bytes = Files.readAllBytes(plain);
        for (TensorInfo tensor : model.tensors()) {
            if (!tensor.name().equals("output.weight")) {
                int from = Math.toIntExact(model.dataOffset() + tensor.offset());
                writer.add(
                        tensor.name(),
                        tensor.type(),
                        tensor.shape(),
                        (t, out) -> out.write(bytes, from, (int) t.size()));
            }
            if (tensor.name().equals("token_embd.weight")) {
                ByteBuffer factors = ByteBuffer.allocate(128).order(ByteOrder.LITTLE_ENDIAN);
                for (int i = 0; i < 32; i++) {
                    factors.putFloat(1 + i / 8f);
                }
                writer.add(
                        "rope_freqs.weight",
                        GgmlType.F32,
                        List.of(32L),
                        (t, out) -> out.write(factors.array()));
            }
        }
        writer.write(path, fraction -> true);
        Files.delete(plain);
        return path;
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
