package io.github.bigllama.internal.synthetic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufWriter;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.internal.check.ModelCheck;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import io.github.bigllama.testing.Originals;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.DoubleSummaryStatistics;
import java.util.List;
import java.util.concurrent.CancellationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files that bigllama writes itself. */
class SyntheticModelsTest {
    private static final Path DEMO = Path.of(System.getProperty("bigllama.demo.model"));

    @TempDir Path folder;

    @Test
    void whatIsWrittenIsReadAgain() throws IOException {
        Gguf demo = Gguf.read(DEMO);
        GgufWriter writer = new GgufWriter();
        demo.metadata().asMap().forEach(writer::put);
        byte[] data = new byte[34 * 8 * 3];
        data[5] = 7;
        writer.add("a", GgmlType.Q8_0, List.of(256L, 3L), (t, out) -> out.write(data));
        writer.addHole("hole", GgmlType.F32, List.of(1000L));
        writer.add("b", GgmlType.F32, List.of(1L), (t, out) -> out.write(new byte[4]));
        Path file = folder.resolve("out.gguf");
        writer.write(file, fraction -> true);

        Gguf read = Gguf.read(file);
        assertThat(read.metadata().asMap().toString())
                .isEqualTo(demo.metadata().asMap().toString());
        assertThat(read.tensors()).extracting(TensorInfo::name).containsExactly("a", "hole", "b");
        assertThat(read.tensors()).extracting(TensorInfo::size).containsExactly(816L, 4000L, 4L);
        byte[] all = Files.readAllBytes(file);
        assertThat(all[(int) read.dataOffset() + 5]).isEqualTo((byte) 7);
        assertThat(Files.list(folder)).containsExactly(file);
    }

    @Test
    void aRowIsWholeBlocks() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new GgufWriter().addHole("x", GgmlType.Q8_0, List.of(33L)))
                .withMessageContaining("33")
                .withMessageContaining("multiple of 32");
    }

    @Test
    void whatIsCancelledOrFailsLeavesNothing() {
        Path file = folder.resolve("out.gguf");
        assertThatThrownBy(
                        () ->
                                InflatedModel.write(
                                        DEMO, 30_000_000, file, fraction -> fraction < 0.5))
                .isInstanceOf(CancellationException.class);
        GgufWriter tooLarge = new GgufWriter();
        tooLarge.add("x", GgmlType.F32, List.of(1L << 50), (tensor, out) -> out.write(0));
        assertThatThrownBy(() -> tooLarge.write(file, fraction -> true))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("GB free");
        assertThatThrownBy(() -> tooLarge.write(folder.resolve("no/such/file"), fraction -> true))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("there is no folder");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void anInflatedModelIsAsLargeAsWanted() throws IOException {
        for (long size : new long[] {8_000_000, 40_000_000, 120_000_000}) {
            Path file = folder.resolve("inflated.gguf");
            InflatedModel.write(DEMO, size, file, fraction -> true);
            assertThat((double) Files.size(file)).isBetween(size * 0.9, size * 1.1);
            ModelCheck.check(ModelFiles.read(file));
        }
    }

    @Test
    void onlyWhatIsUnderstoodIsInflated() throws IOException {
        Path file = folder.resolve("moe.gguf");
        Shape shape = new Shape("qwen3moe", 1, 256, 64, 4, 2, 64, 8, 2, false);
        RandomModel.write(file, shape, Gguf.read(DEMO), true, fraction -> true);
        assertThatThrownBy(
                        () ->
                                InflatedModel.write(
                                        file, 1_000_000, folder.resolve("x"), fraction -> true))
                .isInstanceOf(GgufException.class)
                .hasMessageContaining("moe.gguf")
                .hasMessageContaining("only dense models");
    }

    @Test
    void randomModelsCompute() throws IOException {
        List<Shape> shapes = new ArrayList<>();
        shapes.add(new Shape("llama", 2, 256, 512, 4, 2, 64, 0, 0, false));
        shapes.add(new Shape("qwen3moe", 2, 256, 64, 4, 2, 64, 8, 2, false));
        shapes.add(new Shape("llama4", 4, 256, 64, 4, 2, 64, 16, 1, true));
        for (Shape shape : shapes) {
            Path file = folder.resolve(shape.architecture() + ".gguf");
            RandomModel.write(file, shape, Gguf.read(DEMO), false, fraction -> true);
            try (LlamaModel model = LlamaModel.load(file);
                    LlamaSession session =
                            model.newSession(SessionOptions.defaults().withContextSize(64))) {
                session.decode(1, 2, 3);
                float logit =
                        session.logits().get(java.lang.foreign.ValueLayout.JAVA_FLOAT, 4 * 300);
                assertThat(logit).isFinite().isNotZero();
            }
        }
    }

    /** Rows of a router that are longer than others have their experts chosen more often. */
    @Test
    void aRouterWithFavouritesHasLongAndShortRows() throws IOException {
        Shape even = new Shape("qwen3moe", 1, 256, 64, 4, 2, 64, 32, 2, false);
        assertThat(longestByShortestRow(even)).isLessThan(1.5);
        assertThat(longestByShortestRow(even.withFavourites())).isGreaterThan(2.5);
    }

    private double longestByShortestRow(Shape shape) throws IOException {
        Path file = folder.resolve("router.gguf");
        RandomModel.write(file, shape, Gguf.read(DEMO), false, fraction -> true);
        Gguf model = Gguf.read(file);
        TensorInfo router =
                model.tensors().stream()
                        .filter(tensor -> tensor.name().equals("blk.0.ffn_gate_inp.weight"))
                        .findFirst()
                        .orElseThrow();
        FloatBuffer rows =
                ByteBuffer.wrap(Originals.bytes(model, router))
                        .order(ByteOrder.LITTLE_ENDIAN)
                        .asFloatBuffer();
        DoubleSummaryStatistics lengths = new DoubleSummaryStatistics();
        while (rows.hasRemaining()) {
            double squares = 0;
            for (int i = 0; i < router.ne(0); i++) {
                double weight = rows.get();
                squares += weight * weight;
            }
            lengths.accept(Math.sqrt(squares));
        }
        return lengths.getMax() / lengths.getMin();
    }

    @Test
    void aLlama4OfTooFewLayersIsRefused() throws IOException {
        Path file = folder.resolve("short.gguf");
        Shape shape = new Shape("llama4", 3, 256, 64, 4, 2, 64, 16, 1, true);
        RandomModel.write(file, shape, Gguf.read(DEMO), true, fraction -> true);
        assertThatThrownBy(() -> ModelCheck.check(ModelFiles.read(file)))
                .isInstanceOf(GgufException.class)
                .hasMessageContaining("llama4.block_count")
                .hasMessageContaining("4 layers or more");
    }

    @Test
    void aSparseModelTakesNoSpace() throws Exception {
        Path file = folder.resolve("sparse.gguf");
        RandomModel.write(
                file, Shape.scout().withLayers(2), Gguf.read(DEMO), true, fraction -> true);
        assertThat(Files.size(file)).isGreaterThan(4_000_000_000L);
        Process du = new ProcessBuilder("du", "-k", file.toString()).start();
        String kilobytes = new String(du.getInputStream().readAllBytes()).split("\\s")[0];
        assertThat(Long.parseLong(kilobytes)).isLessThan(2000);
    }

    @Test
    void defaultShapesHaveTheirSize() {
        assertThat(Shape.dense(6_500_000_000L).layers()).isEqualTo(28);
        assertThat(Shape.dense(6_500_000_000L).width()).isEqualTo(4096);
        assertThat(Shape.dense(1_500_000_000L).width()).isEqualTo(2048);
        assertThat(Shape.experts(6_500_000_000L).experts()).isEqualTo(64);
        assertThat(Shape.experts(6_500_000_000L).layers()).isEqualTo(19);
    }
}
