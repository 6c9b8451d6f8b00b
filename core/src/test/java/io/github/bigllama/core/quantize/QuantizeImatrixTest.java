package io.github.bigllama.core.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufMetadata;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.testing.Originals;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.ToIntFunction;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Quantizing with an importance matrix, here a random one. */
class QuantizeImatrixTest {
    @TempDir static Path folder;

    private static Path original;

    private final Path imatrix = folder.resolve("imatrix.dat");
    private final QuantizeOptions options = QuantizeOptions.defaults().withImatrix(imatrix);

    @BeforeAll
    static void makeOriginal() {
        original = folder.resolve("demo-BF16.gguf");
        Originals.write(original);
    }

    /** In the older format, which is simpler to write. */
    private void write(String prefix, ToIntFunction<TensorInfo> columns) throws IOException {
        List<TensorInfo> matrices =
                Gguf.read(original).tensors().stream()
                        .filter(tensor -> tensor.shape().size() > 1)
                        .filter(tensor -> tensor.name().startsWith("blk."))
                        .toList();
        SplittableRandom random = new SplittableRandom(1);
        ByteBuffer file = ByteBuffer.allocate(1 << 20).order(ByteOrder.LITTLE_ENDIAN);
        file.putInt(matrices.size());
        for (TensorInfo matrix : matrices) {
            byte[] name = (prefix + matrix.name()).getBytes(StandardCharsets.UTF_8);
            int count = columns.applyAsInt(matrix);
            file.putInt(name.length).put(name).putInt(1).putInt(count);
            for (int i = 0; i < count; i++) {
                file.putFloat((float) random.nextDouble(10));
            }
        }
        file.putInt(5).putInt(4).put("wiki".getBytes(StandardCharsets.US_ASCII));
        Files.write(imatrix, Arrays.copyOf(file.array(), file.position()));
    }

    @ParameterizedTest
    @EnumSource(names = {"IQ3_XS", "IQ2_XXS", "Q2_K_S", "Q4_K_M"})
    void typesThatNeedOneAreWritten(Quantization type) throws IOException {
        write("", tensor -> (int) tensor.ne(0));
        Path out = folder.resolve(type + ".gguf");
        Quantizer quantizer = Quantizer.of(original, type, options);
        quantizer.write(out);
        assertThat(Files.size(out)).isEqualTo(quantizer.plan().size());
        Gguf written = Gguf.read(out);
        assertThat(written.tensors())
                .extracting(TensorInfo::type)
                .contains(type.tensorType().orElseThrow());
        GgufMetadata metadata = written.metadata();
        assertThat(metadata.string("quantize.imatrix.file")).isPresent();
        assertThat(imatrix.toString())
                .startsWith(metadata.string("quantize.imatrix.file").orElseThrow());
        assertThat(metadata.string("quantize.imatrix.dataset")).contains("wiki");
        assertThat(metadata.integer("quantize.imatrix.entries_count")).hasValue(28);
        assertThat(metadata.integer("quantize.imatrix.chunks_count")).hasValue(5);
    }

    @Test
    void oneOfAnotherModelIsRefused() throws IOException {
        write("", tensor -> (int) tensor.ne(0) / 2);
        assertThatThrownBy(() -> write(Quantization.Q4_K_M))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("128 values for blk.0.attn_k.weight, which has 256 columns");
        write("x", tensor -> (int) tensor.ne(0));
        assertThatThrownBy(() -> write(Quantization.Q4_K_M))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("none of the 28 tensors");
        assertThatThrownBy(() -> write(Quantization.IQ2_XXS))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("does not have it");
    }

    private void write(Quantization type) {
        Quantizer.of(original, type, options).write(folder.resolve("out.gguf"));
    }

    /** With values for all tensors but the embedding, as llama-imatrix writes them. */
    @Test
    void anEmbeddingThatLlamaWouldAbortOnIsRefused() throws IOException {
        write("", tensor -> (int) tensor.ne(0));
        QuantizeOptions pure = options.withPure(true);
        assertThat(Quantizer.of(original, Quantization.IQ1_S, pure).plan().obstacle())
                .hasValueSatisfying(
                        text ->
                                assertThat(text)
                                        .contains("token_embd.weight", GgmlType.IQ1_S.label()));
    }

    @Test
    void whatIsNoMatrixIsRefused() throws IOException {
        Files.writeString(imatrix, "This is just text, and no numbers.");
        assertThatThrownBy(() -> Quantizer.of(original, Quantization.Q4_K_M, options))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining(imatrix.toString())
                .hasMessageContaining("not an importance matrix");
    }
}
