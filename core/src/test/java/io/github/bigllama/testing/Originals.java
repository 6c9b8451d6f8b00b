package io.github.bigllama.testing;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.GgufWriter;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.quantize.QuantizeOptions;
import io.github.bigllama.core.quantize.Quantizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** The demo model as if it had not been quantized, and variants of it. */
public final class Originals {
    private Originals() {}

    /** Writes it in BF16. */
    public static void write(Path path) {
        Quantizer.of(
                        DemoModel.PATH,
                        Quantization.BF16,
                        QuantizeOptions.defaults().withAllowRequantize(true))
                .write(path);
    }

    public static byte[] bytes(Gguf gguf, TensorInfo tensor) throws IOException {
        int from = (int) (gguf.dataOffset() + tensor.offset());
        return Arrays.copyOfRange(
                Files.readAllBytes(gguf.path().orElseThrow()), from, from + (int) tensor.size());
    }

    /** Writes a model again: some of its tensors, more pairs, another shape of the embedding. */
    public static void copy(
            Path from,
            Predicate<TensorInfo> which,
            Map<String, GgufValue> more,
            Path to,
            List<Long> embedding)
            throws IOException {
        Gguf gguf = Gguf.read(from);
        GgufWriter writer = new GgufWriter();
        gguf.metadata().asMap().forEach(writer::put);
        more.forEach(writer::put);
        for (TensorInfo tensor : gguf.tensors()) {
            if (which.test(tensor)) {
                boolean reshaped =
                        !embedding.isEmpty() && tensor.name().equals("token_embd.weight");
                List<Long> shape =
                        reshaped
                                ? List.of(
                                        embedding.getFirst(),
                                        tensor.elements() / embedding.getFirst())
                                : tensor.shape();
                byte[] bytes = bytes(gguf, tensor);
                writer.add(tensor.name(), tensor.type(), shape, (info, out) -> out.write(bytes));
            }
        }
        writer.write(to, fraction -> true);
    }

    /** Writes a model in two parts: its last layer is in the second. */
    public static void split(Path from, Path first, Path second) throws IOException {
        Gguf gguf = Gguf.read(from);
        long layers =
                gguf.metadata()
                        .integer(
                                gguf.metadata().string("general.architecture").orElseThrow()
                                        + ".block_count")
                        .orElseThrow();
        Predicate<TensorInfo> inSecond =
                tensor -> tensor.name().startsWith("blk." + (layers - 1) + ".");
        for (int i = 0; i < 2; i++) {
            Map<String, GgufValue> keys =
                    Map.of(
                            "split.no",
                            new GgufValue.Int(GgufValueType.UINT16, i),
                            "split.count",
                            new GgufValue.Int(GgufValueType.UINT16, 2),
                            "split.tensors.count",
                            new GgufValue.Int(GgufValueType.INT32, gguf.tensors().size()));
            copy(
                    from,
                    i == 0 ? inSecond.negate() : inSecond,
                    keys,
                    i == 0 ? first : second,
                    List.of());
        }
    }
}
