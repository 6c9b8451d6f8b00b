package io.github.bigllama.core.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.quantize.QuantizeOptions.TensorType;
import io.github.bigllama.testing.AdapterGguf;
import io.github.bigllama.testing.ChildJvm;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Originals;
import io.github.bigllama.testing.RawGguf;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that can't be quantized are refused in words, and existing files stay. */
class QuantizeRefusalsTest {
    private static final QuantizeOptions DEFAULTS = QuantizeOptions.defaults();
    private static final int COPIES = 60;

    @TempDir static Path originals;

    private static Path original;

    @TempDir Path folder;

    @BeforeAll
    static void makeOriginal() {
        original = originals.resolve("demo-BF16.gguf");
        Originals.write(original);
    }

    private Path out() {
        return folder.resolve("out.gguf");
    }

    @Test
    void whatIsQuantizedIsNotQuantizedAgainUnasked() {
        Quantizer quantizer = Quantizer.of(DemoModel.PATH, Quantization.Q4_0, DEFAULTS);
        assertThat(quantizer.plan().obstacle().orElseThrow())
                .contains("quantized already", "q8_0", "allowRequantize");
        assertThatThrownBy(() -> quantizer.write(out()))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("quantized already")
                .hasMessageContaining(DemoModel.PATH.toString());
        assertThat(out()).doesNotExist();
    }

    @Test
    void anImportanceMatrixIsAskedForBeforeLlamaAborts() {
        assertThat(Quantizer.of(original, Quantization.IQ2_XS, DEFAULTS).plan().obstacle())
                .hasValueSatisfying(
                        text -> assertThat(text).contains("needs an importance matrix"));
        // For an embedding llama.cpp does not check: GGML_ASSERT(imatrix != NULL).
        QuantizeOptions embedding = DEFAULTS.withTokenEmbeddingType(GgmlType.IQ2_XXS);
        assertThat(Quantizer.of(original, Quantization.Q4_0, embedding).plan().obstacle())
                .hasValueSatisfying(text -> assertThat(text).contains("token_embd.weight"));
    }

    @Test
    void rowsThatDoNotFitABlockAreRefusedBeforeLlamaAborts() throws IOException {
        Path narrow = folder.resolve("narrow.gguf");
        Originals.copy(original, tensor -> true, Map.of(), narrow, List.of(32L));
        assertThatThrownBy(
                        () ->
                                Quantizer.of(
                                        narrow,
                                        Quantization.Q4_K_M,
                                        DEFAULTS.withTokenEmbeddingType(GgmlType.Q4_K)))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("token_embd.weight has rows of 32")
                .hasMessageContaining("256");
    }

    @Test
    void whatIsNoModelIsNamed() throws IOException {
        Path vector =
                AdapterGguf.controlVector("llama", Map.of(1, new float[8]))
                        .write(folder.resolve("vector.gguf"));
        assertThatThrownBy(() -> Quantizer.of(vector, Quantization.Q8_0, DEFAULTS))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("cannot quantize " + vector + ": it is a control vector");
        RawGguf vocabulary = RawGguf.copyOf(DemoModel.PATH);
        vocabulary.tensors.clear();
        Path empty = vocabulary.write(folder.resolve("vocabulary.gguf"));
        assertThatThrownBy(() -> Quantizer.of(empty, Quantization.Q8_0, DEFAULTS))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("it is a vocabulary without weights");
    }

    @Test
    void contradictionsAreSaid() {
        QuantizeOptions typed =
                DEFAULTS.withTensorTypes(List.of(new TensorType("ffn", GgmlType.Q8_0)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Quantizer.of(original, Quantization.F16, typed))
                .withMessageContaining("F16");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                Quantizer.of(
                                        original,
                                        Quantization.COPY,
                                        DEFAULTS.withOutputTensorType(GgmlType.Q8_0)));
        assertThatThrownBy(
                        () ->
                                Quantizer.of(
                                        original,
                                        Quantization.Q4_0,
                                        DEFAULTS.withTensorTypes(
                                                List.of(new TensorType("a(b", GgmlType.Q8_0)))))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("regular expression");
    }

    @Test
    void damagedModelsAreRefused() throws IOException {
        byte[] bytes = Files.readAllBytes(original);
        Path cut = Files.write(folder.resolve("cut.gguf"), Arrays.copyOf(bytes, bytes.length / 2));
        assertThatThrownBy(() -> Quantizer.of(cut, Quantization.Q4_0, DEFAULTS))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("cut short");
        assertThatThrownBy(
                        () -> Quantizer.of(folder.resolve("no.gguf"), Quantization.Q4_0, DEFAULTS))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("no such file");
        Path aligned = folder.resolve("aligned.gguf");
        GgufValue wide = new GgufValue.Int(GgufValueType.UINT32, 16);
        Originals.copy(
                original, tensor -> true, Map.of("general.alignment", wide), aligned, List.of());
        assertThatThrownBy(() -> Quantizer.of(aligned, Quantization.Q4_0, DEFAULTS))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("general.alignment is 16");
    }

    @Test
    void damagedModelsDoNotEndTheJvm() throws Exception {
        ChildJvm.Result child =
                ChildJvm.run(
                        DamagedQuantizing.class,
                        List.of("-Xmx256m", "-XX:-CreateCoredumpOnCrash"),
                        folder.toString(),
                        original.toString(),
                        "0",
                        Integer.toString(COPIES));
        assertThat(child.exitCode()).as("%s", child.output()).isZero();
        assertThat(child.output().lines().toList().getLast())
                .matches("refused [1-9]\\d*, failed [1-9]\\d*, working [1-9]\\d*");
    }

    /** In llama.cpp a weight of 1e25 in F32 is GGML_ASSERT(grid_index >= 0) for IQ3_S. */
    @Test
    void weightsThatLlamaAbortsOnAreRefused() throws IOException {
        Path wide = folder.resolve("wide.gguf");
        Quantizer.of(original, Quantization.F32, DEFAULTS).write(wide);
        Gguf gguf = Gguf.read(wide);
        byte[] bytes = Files.readAllBytes(wide);
        int at =
                (int)
                        (gguf.dataOffset()
                                + gguf.tensor("blk.1.ffn_up.weight").orElseThrow().offset());
        ByteBuffer.wrap(bytes).putInt(at + 400, Integer.reverseBytes(Float.floatToIntBits(1e25f)));
        Files.write(wide, bytes);
        assertThatThrownBy(() -> Quantizer.of(wide, Quantization.IQ3_S, DEFAULTS).write(out()))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("weight 100 of blk.1.ffn_up.weight");
        assertThatThrownBy(() -> Quantizer.of(wide, Quantization.Q4_K_M, DEFAULTS).write(out()))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("validation failed");
        assertThat(out()).doesNotExist();
    }

    @Test
    void aModelThatIsCutShortWhileItIsReadDoesNotEndTheJvm() throws IOException {
        Path copy = Files.copy(original, folder.resolve("copy.gguf"));
        Quantizer quantizer = Quantizer.of(copy, Quantization.Q8_0, DEFAULTS);
        assertThatThrownBy(
                        () ->
                                quantizer.write(
                                        out(),
                                        fraction -> {
                                            if (fraction > 0.3) {
                                                cut(copy);
                                            }
                                        }))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("became shorter");
        assertThat(out()).doesNotExist();
    }

    private static void cut(Path file) {
        try (var channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            channel.truncate(5000);
        } catch (IOException e) {
            throw new IllegalStateException(e);
        }
    }

    @Test
    void theModelItselfAndFoldersAreNotOverwritten() throws IOException {
        Path copy = Files.copy(original, folder.resolve("copy.gguf"));
        Path link = Files.createSymbolicLink(folder.resolve("link.gguf"), copy);
        Quantizer quantizer = Quantizer.of(copy, Quantization.Q8_0, DEFAULTS);
        for (Path same :
                List.of(
                        copy,
                        link,
                        folder.resolve("../").resolve(folder.getFileName()).resolve("copy.gguf"))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> quantizer.write(same))
                    .withMessageContaining("is the model itself");
        }
        assertThat(copy).hasSameBinaryContentAs(original);
        assertThatThrownBy(() -> quantizer.write(folder))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("is a folder");
        assertThatThrownBy(() -> quantizer.write(folder.resolve("no/out.gguf")))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("there is no folder");
    }

    @Test
    void pipesAndFoldersAreNotReplaced() throws Exception {
        Path pipe = folder.resolve("pipe");
        assertThat(new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor()).isZero();
        Quantizer quantizer = Quantizer.of(original, Quantization.Q4_0, DEFAULTS);
        assertThatThrownBy(() -> quantizer.write(pipe))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("is a pipe or a device: name a regular file");
        assertThat(Files.isRegularFile(pipe)).isFalse();
        Path root = folder.getRoot();
        assertThatThrownBy(() -> quantizer.write(root))
                .isInstanceOf(QuantizeException.class)
                .hasMessageContaining("is a folder");
        assertThat(Path.of("null")).doesNotExist();
    }
}
