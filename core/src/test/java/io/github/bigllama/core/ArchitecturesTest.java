package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.forecast.Bandwidths;
import io.github.bigllama.core.forecast.Forecast;
import io.github.bigllama.core.forecast.Forecast.Verdict;
import io.github.bigllama.core.forecast.Forecaster;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.inspect.ModelSummary;
import io.github.bigllama.core.option.EmbeddingOptions;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.ContextMemory;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.load.ContextSizes;
import io.github.bigllama.internal.load.ModelDryRun;
import io.github.bigllama.internal.pieces.PlanRules;
import io.github.bigllama.internal.synthetic.Architecture;
import io.github.bigllama.testing.Architectures;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.Models;
import io.github.bigllama.testing.SmallRam;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Random models of many architectures, in RAM and streamed. */
class ArchitecturesTest {
    private static final long SIZE = 72_000_000;
    private static final SessionOptions OPTIONS =
            SessionOptions.defaults().withContextSize(512).withBatchSizes(64, 64).withThreads(1, 1);

    /** So that nothing is computed in another order than where weights are streamed. */
    private static final ModelOptions PLAIN =
            ModelOptions.defaults().withLoadMode(LoadMode.MMAP).withRepack(false);

    @TempDir Path folder;

    @BeforeAll
    static void warmUp(@TempDir Path folder) throws IOException {
        // What the process itself takes at first would be missing for the first model.
        Path file = Architectures.write(folder, Architecture.of("deepseek2").ofSize(4 * SIZE));
        long most = SmallRam.forWeights(Files.size(file) * 7 / 8);
        for (ModelOptions options : List.of(PLAIN, auto(most))) {
            try (LlamaModel model = LlamaModel.load(file, options)) {
                logits(model, 0);
            }
        }
    }

    static Stream<String> generating() {
        return Architecture.names().stream()
                .filter(name -> !name.equals("bert") && !name.equals("t5"));
    }

    @ParameterizedTest
    @MethodSource("generating")
    void halfInRamComputesTheSame(String name) throws IOException {
        assumeTrue(
                System.getProperty("os.name").equals("Linux"), "residency is only known on Linux");
        Path file = Architectures.write(folder, Architecture.of(name).ofSize(SIZE));
        ModelSummary summary = ModelSummary.of(ModelFiles.read(file));
        assertThat(summary.architecture()).contains(name);
        assertThat(summary.kind().generates()).isTrue();
        List<float[]> expected;
        try (LlamaModel model = LlamaModel.load(file, PLAIN)) {
            assertThat(model.residency()).isEmpty();
            assertThat(model.kind()).isEqualTo(summary.kind());
            expected = logits(model, 0);
        }
        try (LlamaModel model = LlamaModel.load(file, half(file))) {
            assertThat(model.residency()).isPresent();
            List<float[]> actual = logits(model, Files.size(file) / 8);
            for (int i = 0; i < expected.size(); i++) {
                assertThat(actual.get(i)).as("logits %d", i).isEqualTo(expected.get(i));
            }
        }
    }

    /** llama.cpp fills it with zeros when it creates it: too large a one ends the process. */
    @Test
    void aMicroBatchThatTheCacheGrowsWithIsChosenBefore() throws IOException {
        assumeTrue(
                System.getProperty("os.name").equals("Linux"), "residency is only known on Linux");
        Path file = Architectures.write(folder, Architecture.of("gemma3").ofSize(SIZE));
        try (LlamaModel model = LlamaModel.load(file, half(file));
                LlamaSession session =
                        model.newSession(SessionOptions.defaults().withContextSize(512))) {
            assertThat(session.options().microBatchSize()).isBetween(1, 256);
        }
    }

    @Test
    void halfInRamGivesTheSameVectors() throws IOException {
        assumeTrue(
                System.getProperty("os.name").equals("Linux"), "residency is only known on Linux");
        Path file = Architectures.write(folder, Architecture.of("bert").ofSize(SIZE));
        assertThat(ModelKind.of(ModelFiles.read(file))).isEqualTo(ModelKind.EMBEDDING);
        List<String> texts = List.of("The capital of France is Paris.", "One, two, three.");
        EmbeddingOptions options = EmbeddingOptions.defaults().withThreads(1);
        List<float[]> expected;
        try (LlamaModel model = LlamaModel.load(file, PLAIN);
                Embedder embedder = model.newEmbedder(options)) {
            expected = embedder.embed(texts);
        }
        try (LlamaModel model = LlamaModel.load(file, half(file));
                Embedder embedder = model.newEmbedder(options)) {
            assertThat(model.residency()).isPresent();
            List<float[]> actual = embedder.embed(texts);
            assertThat(model.residency().orElseThrow().lastPass().orElseThrow().bytesRead())
                    .isGreaterThan(SIZE / 8);
            assertThat(actual.getFirst()).isEqualTo(expected.getFirst());
            assertThat(actual.getLast()).isEqualTo(expected.getLast());
        }
    }

    @ParameterizedTest
    @MethodSource("generating")
    void theForecastIsThatOfTheSession(String name) throws IOException {
        Path file = Architectures.write(folder, name);
        SessionOptions options = OPTIONS.withSequences(2);
        ContextMemory foreseen;
        try (Forecaster forecaster = new Forecaster(ModelFiles.read(file))) {
            Forecast forecast =
                    forecaster.forecast(
                            64_000_000_000L, options, new Bandwidths(20e9, 2e9, 1e9, 0));
            assertThat(forecast.verdict()).isEqualTo(Verdict.FITS);
            foreseen = forecast.context();
        }
        try (LlamaModel model = LlamaModel.load(file, PLAIN);
                LlamaSession session = model.newSession(options)) {
            ContextMemory real =
                    ContextSizes.of(new LlamaLog.Result<>(session.lane().pointer(), List.of(), 0));
            assertThat(foreseen.kvCache()).isEqualTo(real.kvCache()).isPositive();
        }
    }

    /** Of each layer the last tokens for the convolution, and the state, in F32. */
    @Test
    void aRecurrentStateHasItsSizeWhateverTheContext() throws IOException {
        Path file = Architectures.write(folder, Architecture.of("mamba").withLayers(3));
        try (ModelDryRun model = new ModelDryRun(file, PLAIN)) {
            for (int context : new int[] {256, 4096}) {
                assertThat(model.memory(OPTIONS.withContextSize(context)).kvCache())
                        .isEqualTo(3 * 4 * (3 * 2048 + 16 * 2048));
            }
        }
    }

    @Test
    void layersThatPredictFurtherTokensAreNotCounted() throws IOException {
        ModelFiles files = ModelFiles.read(Architectures.write(folder, "glm4moe"));
        Weights weights = Weights.of(files);
        ModelSummary summary = ModelSummary.of(files);
        ModelSummary.Group last =
                summary.parts().getLast().name().equals("output")
                        ? summary.parts().get(summary.parts().size() - 2)
                        : summary.parts().getLast();
        assertThat(last.name()).isEqualTo("layer 2");
        assertThat(last.active()).isZero();
        assertThat(last.size()).isEqualTo(weights.size(Weight.Use.DRAFTS)).isPositive();
        assertThat(weights.loadedSize()).isEqualTo(weights.size() - last.size());
        assertThat(PlanRules.plan(weights, 1L << 30).weights()).isEqualTo(weights.loadedSize());
    }

    @Test
    void aDraftModelMustTakeBackWhatItGuessedWrong() throws IOException {
        Path file = Architectures.write(folder, "mamba");
        assertThatThrownBy(
                        () ->
                                LlamaModel.load(
                                        DemoModel.PATH,
                                        ModelOptions.defaults().withDraftModel(file)))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("mamba.gguf cannot draft: it is a recurrent language model")
                .hasMessageContaining("can't take back what it guessed wrong");
    }

    @Test
    void layersAreThoseThatAreRepeated() {
        assertThat(Architecture.of("jamba").withLayers(5).layers()).hasSize(8);
        assertThat(Architecture.of("glm4moe").withLayers(1).layers()).hasSize(3);
        assertThat(Architecture.names())
                .allMatch(name -> !Architecture.description(name).isBlank());
    }

    @Test
    void anEncoderReadsOnlyRowsOfItsEmbedding() throws IOException {
        Weights weights = Weights.of(ModelFiles.read(Architectures.write(folder, "bert")));
        assertThat(weights.all())
                .filteredOn(weight -> weight.use() == Weight.Use.ROWS)
                .extracting(Weight::name)
                .containsExactlyInAnyOrder(
                        "token_embd.weight", "position_embd.weight", "token_types.weight");
    }

    /** Half of the model in RAM, or the least. */
    private static ModelOptions half(Path file) throws IOException {
        long weights =
                Math.max(
                        Files.size(file) / 2,
                        PlanRules.leastRam(Models.weights(file)) + (12L << 20));
        return auto(SmallRam.forWeights(weights));
    }

    private static ModelOptions auto(long ram) {
        return PLAIN.withLoadMode(LoadMode.AUTO).withRam(ram);
    }

    /**
     * The logits after a prompt, and after each of some tokens.
     *
     * @param read the least bytes to read meanwhile
     */
    private static List<float[]> logits(LlamaModel model, long read) {
        List<float[]> logits = new ArrayList<>();
        long bytes = 0;
        try (LlamaSession session = model.newSession(OPTIONS)) {
            session.decode(tokens(70, 7));
            for (int token : tokens(8, 9)) {
                bytes += session.lastPass().map(PassStats::bytesRead).orElse(0L);
                logits.add(session.logits().toArray(ValueLayout.JAVA_FLOAT));
                session.decode(token);
            }
        }
        assertThat(bytes).as("bytes read").isGreaterThanOrEqualTo(read);
        return logits;
    }

    private static int[] tokens(int count, int seed) {
        return IntStream.range(0, count).map(i -> 20 + (i * 37 + seed * 101) % 500).toArray();
    }
}
