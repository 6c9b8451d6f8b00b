package io.github.bigllama.core.quantize;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.quantize.QuantizeOptions.TensorType;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Originals;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

/**
 * Quantizes the demo model, which is Q8_0: first converted to BF16, so that there is an original.
 */
class QuantizerTest {
    private static final QuantizeOptions DEFAULTS = QuantizeOptions.defaults();
    private static final String ANSWER = "The capital of France is Paris.";

    @TempDir static Path originals;

    private static Path original;

    @TempDir Path folder;

    @BeforeAll
    static void makeOriginal() {
        original = originals.resolve("demo-BF16.gguf");
        Originals.write(original);
    }

    @AfterEach
    void nothingPartialIsLeft() throws IOException {
        try (var files = Files.list(folder)) {
            assertThat(files).noneMatch(file -> file.toString().contains(".part"));
        }
    }

    private Path out() {
        return folder.resolve("out.gguf");
    }

    private static String answer(Path path) {
        try (LlamaModel model = LlamaModel.load(path);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            String prompt = DemoModel.prompt("What is the capital of France?");
            return session.generate(prompt, GenerationOptions.greedy().withMaxTokens(20)).text();
        }
    }

    private static Map<String, GgmlType> types(Path path) {
        return Gguf.read(path).tensors().stream()
                .collect(Collectors.toMap(TensorInfo::name, TensorInfo::type));
    }

    private static Map<String, GgmlType> types(QuantizePlan plan) {
        return plan.tensors().stream()
                .collect(Collectors.toMap(t -> t.source().name(), QuantizePlan.Tensor::type));
    }

    @ParameterizedTest
    @EnumSource(
            mode = Mode.MATCH_NONE,
            names = {"I?Q[123].*", "COPY"})
    void thePlanIsWhatIsWritten(Quantization type) throws IOException {
        Quantizer quantizer = Quantizer.of(original, type, DEFAULTS);
        QuantizePlan plan = quantizer.plan();
        assertThat(plan.obstacle()).isEmpty();
        assertThat(plan.sourceSize()).isEqualTo(Files.size(original));
        assertThat(plan.sourceBitsPerWeight()).isBetween(16.0, 16.1);
        quantizer.write(out());
        assertThat(Files.size(out())).isEqualTo(plan.size());
        assertThat(types(out())).isEqualTo(types(plan)).containsValue(wanted(type));
        assertThat(Gguf.read(out()).metadata().integer("general.file_type")).hasValue(type.value());
        try (LlamaModel model = LlamaModel.load(out())) {
            assertThat(model.vocabularySize()).isPositive();
        }
    }

    private static GgmlType wanted(Quantization type) {
        return type == Quantization.MXFP4_MOE ? GgmlType.Q8_0 : type.tensorType().orElseThrow();
    }

    @ParameterizedTest
    @EnumSource(names = {"F32", "F16", "Q8_0", "Q6_K", "Q4_K_M"})
    void whatIsWrittenAnswersAsBefore(Quantization type) {
        Quantizer.of(original, type, DEFAULTS).write(out());
        assertThat(answer(out())).isEqualTo(ANSWER);
    }

    @Test
    void copyKeepsEveryByteOfEveryTensor() throws IOException {
        Quantizer quantizer = Quantizer.of(DemoModel.PATH, Quantization.COPY, DEFAULTS);
        assertThat(quantizer.plan().tensors()).noneMatch(QuantizePlan.Tensor::isConverted);
        quantizer.write(out());
        assertThat(Files.size(out())).isEqualTo(quantizer.plan().size());
        assertSameTensors(DemoModel.PATH, out());
    }

    private static void assertSameTensors(Path expected, Path actual) throws IOException {
        Gguf ours = Gguf.read(actual);
        for (TensorInfo tensor : Gguf.read(expected).tensors()) {
            assertThat(Originals.bytes(ours, ours.tensor(tensor.name()).orElseThrow()))
                    .isEqualTo(Originals.bytes(Gguf.read(expected), tensor));
        }
    }

    @Test
    void threadsAndBuffersDoNotChangeTheResult() throws IOException {
        Quantizer.of(original, Quantization.Q4_K_M, DEFAULTS).write(out());
        Path other = folder.resolve("other.gguf");
        Quantizer.of(
                        original,
                        Quantization.Q4_K_M,
                        DEFAULTS.withThreads(1).withBufferSize(QuantizeOptions.MIN_BUFFER_SIZE))
                .write(other);
        assertThat(other).hasSameBinaryContentAs(out());
    }

    @Test
    void typesCanBeChosenByTensor() {
        QuantizeOptions options =
                DEFAULTS.withTokenEmbeddingType(GgmlType.Q5_0)
                        .withTensorTypes(
                                List.of(
                                        new TensorType("blk\\.0\\..*ffn_down", GgmlType.F16),
                                        new TensorType("ffn_down", GgmlType.Q5_1)));
        Quantizer quantizer = Quantizer.of(original, Quantization.Q4_0, options);
        quantizer.write(out());
        assertThat(types(out()))
                .containsEntry("token_embd.weight", GgmlType.Q5_0)
                .containsEntry("blk.0.ffn_down.weight", GgmlType.F16)
                .containsEntry("blk.1.ffn_down.weight", GgmlType.Q5_1)
                .containsEntry("blk.1.ffn_up.weight", GgmlType.Q4_0);
        assertThat(quantizer.plan().types().get(GgmlType.F16).tensors()).isEqualTo(1);
        assertThat(
                        types(
                                Quantizer.of(original, Quantization.Q4_K_M, DEFAULTS.withPure(true))
                                        .plan()))
                .doesNotContainValue(GgmlType.Q6_K)
                .containsValue(GgmlType.Q4_K);
    }

    @Test
    void aSplitIsJoinedOrKept() throws IOException {
        Path first = folder.resolve("model-00001-of-00002.gguf");
        Originals.split(original, first, folder.resolve("model-00002-of-00002.gguf"));
        Quantizer joining = Quantizer.of(first, Quantization.Q8_0, DEFAULTS);
        assertThat(joining.targets(out())).containsExactly(out());
        joining.write(out());
        assertThat(Files.size(out())).isEqualTo(joining.plan().size());
        Path whole = folder.resolve("whole.gguf");
        Quantizer.of(original, Quantization.Q8_0, DEFAULTS).write(whole);
        assertSameTensors(whole, out());

        Quantizer keeping = Quantizer.of(first, Quantization.Q8_0, DEFAULTS.withKeepSplit(true));
        List<Path> parts =
                List.of(
                        folder.resolve("small-00001-of-00002.gguf"),
                        folder.resolve("small-00002-of-00002.gguf"));
        assertThat(keeping.targets(folder.resolve("small.gguf"))).isEqualTo(parts);
        assertThat(keeping.targets(folder.resolve("small"))).isEqualTo(parts);
        assertThat(keeping.targets(parts.getFirst())).isEqualTo(parts);
        keeping.write(folder.resolve("small.gguf"));
        assertThat(keeping.plan().fileSizes())
                .containsExactly(Files.size(parts.getFirst()), Files.size(parts.getLast()));
        assertThat(answer(parts.getFirst())).isEqualTo(ANSWER);
    }

    @Test
    void progressGrowsFromNothingToAll() {
        List<Double> fractions = new ArrayList<>();
        Quantizer.of(original, Quantization.Q8_0, DEFAULTS).write(out(), fractions::add);
        assertThat(fractions).isSorted().startsWith(0.0).endsWith(1.0);
        assertThat(fractions).hasSize(Gguf.read(original).tensors().size() + 1);
    }

    @Test
    void cancelEndsItAfterTheTensorAtWork() {
        Quantizer quantizer = Quantizer.of(original, Quantization.Q8_0, DEFAULTS);
        AtomicInteger tensors = new AtomicInteger();
        assertThatThrownBy(
                        () ->
                                quantizer.write(
                                        out(),
                                        fraction -> {
                                            if (tensors.incrementAndGet() == 3) {
                                                // Of another thread, as Ctrl-C's is.
                                                CompletableFuture.runAsync(quantizer::cancel)
                                                        .join();
                                            }
                                        }))
                .isInstanceOf(CancellationException.class);
        assertThat(out()).doesNotExist();
        assertThatThrownBy(() -> quantizer.write(out())).isInstanceOf(CancellationException.class);
    }

    @Test
    void whatAWatcherThrowsEndsIt() {
        Quantizer quantizer = Quantizer.of(original, Quantization.Q8_0, DEFAULTS);
        AtomicInteger tensors = new AtomicInteger();
        assertThatThrownBy(
                        () ->
                                quantizer.write(
                                        out(),
                                        fraction -> {
                                            if (tensors.incrementAndGet() == 3) {
                                                throw new IllegalStateException("enough");
                                            }
                                        }))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("enough");
        assertThat(tensors).hasValue(3);
        assertThat(out()).doesNotExist();
        quantizer.write(out());
        assertThat(out()).exists();
    }
}
