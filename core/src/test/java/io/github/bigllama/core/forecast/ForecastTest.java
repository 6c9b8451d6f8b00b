package io.github.bigllama.core.forecast;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.sun.net.httpserver.HttpServer;
import io.github.bigllama.bindings.llama.llama_context_params;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.forecast.Advice.Kind;
import io.github.bigllama.core.forecast.Forecast.Verdict;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.HttpSender;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.inspect.ModelKind;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.AvailableRam;
import io.github.bigllama.core.residency.ContextMemory;
import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.internal.llama.LlamaLog;
import io.github.bigllama.internal.load.ContextParams;
import io.github.bigllama.internal.load.ContextSizes;
import io.github.bigllama.internal.load.KvCacheBound;
import io.github.bigllama.internal.load.ModelDryRun;
import io.github.bigllama.internal.load.ModelLoader;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Forecasts of models before they are loaded, and refusals. */
class ForecastTest {
    private static final long GB = 1_000_000_000;
    private static final Bandwidths BANDWIDTHS = new Bandwidths(20e9, 2e9, 1e9, 0);
    private static final SessionOptions SESSION =
            SessionOptions.defaults().withContextSize(4096).withBatchSizes(512, 512);

    @TempDir static Path folder;

    /** Of 35, 6.4 and 115 GB; their weights are holes. */
    private static Path dense;

    private static Path experts;
    private static Path scout;

    @BeforeAll
    static void write() throws IOException {
        dense = write("dense", Shape.dense(35 * GB));
        experts = write("experts", Shape.experts(20 * GB));
        scout = write("scout", Shape.scout());
    }

    private static Path write(String name, Shape shape) throws IOException {
        Path path = folder.resolve(name + ".gguf");
        RandomModel.write(path, shape, Gguf.read(DemoModel.PATH), true, fraction -> true);
        return path;
    }

    private static Forecaster forecaster(Path path) {
        return new Forecaster(ModelFiles.read(path));
    }

    /** The same context, actually created: the memory that llama.cpp then reports. */
    private static ContextMemory allocated(Path path, SessionOptions options) {
        ModelOptions mapped = ModelOptions.defaults().withLoadMode(LoadMode.MMAP).withRepack(false);
        ModelLoader.Loaded model = ModelLoader.load(path, mapped);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment params = ContextParams.of(options, arena);
            llama_context_params.n_batch(params, options.batchSize());
            llama_context_params.n_ubatch(params, options.microBatchSize());
            LlamaLog.Result<MemorySegment> made =
                    LlamaLog.collect(
                            () -> llama_h.llama_init_from_model(model.handle().pointer(), params));
            ContextMemory memory = ContextSizes.of(made);
            llama_h.llama_free(made.value());
            return memory;
        } finally {
            model.handle().close();
            model.sizes().close();
        }
    }

    enum Sessions {
        DENSE,
        QUANTIZED_KV,
        LARGE_BATCH,
        EXPERTS,
        SLIDING_WINDOW;

        Path path() {
            return this == EXPERTS ? experts : this == SLIDING_WINDOW ? scout : dense;
        }

        SessionOptions options() {
            return switch (this) {
                case QUANTIZED_KV -> SESSION.withKvTypes(KvType.Q8_0, KvType.Q4_0);
                case LARGE_BATCH -> SESSION.withBatchSizes(2048, 2048);
                default -> SESSION;
            };
        }
    }

    @ParameterizedTest
    @EnumSource
    void theBillIsWhatLlamaCppAllocates(Sessions sessions) {
        ContextMemory real = allocated(sessions.path(), sessions.options());
        try (ModelDryRun model = new ModelDryRun(sessions.path(), ModelOptions.defaults())) {
            ContextMemory foreseen = model.memory(sessions.options());
            assertThat(foreseen.kvCache()).isEqualTo(real.kvCache()).isPositive();
            assertThat(foreseen.outputBuffer()).isEqualTo(real.outputBuffer());
            assertThat((double) foreseen.computeBuffers())
                    .isCloseTo(real.computeBuffers(), within(0.02 * real.computeBuffers()));
        }
    }

    /** 2 (keys and values) x layers x heads x size of a head x 2 bytes, for each position. */
    @Test
    void theKvCacheFollowsTheFormula() {
        try (Forecaster forecaster = forecaster(experts)) {
            long layers = forecaster.weights().layers();
            Forecast forecast = forecaster.forecast(64 * GB, SESSION, BANDWIDTHS);
            assertThat((double) forecast.context().kvCache())
                    .isCloseTo(2.0 * layers * 4 * 128 * 2 * 4096, within(1e5));
            assertThat(
                            KvCacheBound.elements(forecaster.files(), ModelKind.LANGUAGE_MODEL)
                                    * 2
                                    * 2
                                    * 4096)
                    .isGreaterThanOrEqualTo(forecast.context().kvCache() - 1e5);
        }
    }

    @Test
    void aModelThatFitsIsAsFastAsMemory() {
        try (Forecaster forecaster = forecaster(dense)) {
            Forecast forecast = forecaster.forecast(64 * GB, SESSION, BANDWIDTHS);
            assertThat(forecast.verdict()).isEqualTo(Verdict.FITS);
            Speed speed = forecast.speed().orElseThrow();
            assertThat(speed.bytesRead()).isZero();
            assertThat(speed.expected()).isCloseTo(forecast.active() / 20e9, within(1e-6));
            assertThat(forecast.total())
                    .isEqualTo(
                            forecast.weights() + forecast.context().total() + forecast.process());
            assertThat(forecaster.advice(SESSION, forecast)).isEmpty();
        }
    }

    /** Of a toy, most of the time goes into steps in which there is hardly anything to compute. */
    @Test
    void everyStepTakesTime() {
        try (Forecaster forecaster = forecaster(DemoModel.PATH)) {
            Forecast none = forecaster.forecast(GB, SESSION, BANDWIDTHS);
            Forecast some = forecaster.forecast(GB, SESSION, BANDWIDTHS.withStep(1e-6));
            double steps =
                    1e6
                            * (some.speed().orElseThrow().expected()
                                    - none.speed().orElseThrow().expected());
            // At least seven matrices in each layer; norms, rotations and sums besides.
            assertThat(steps / forecaster.weights().layers()).isBetween(10.0, 100.0);
            double measured = Bandwidths.measureStep(2, true);
            assertThat(measured).isBetween(1e-8, 1e-3);
            assertThat(Bandwidths.measureStep(2, false))
                    .isCloseTo(measured, within(measured / 1000));
        }
    }

    @Test
    void aModelThatDoesNotFitReadsWhatRamLacks() {
        try (Forecaster forecaster = forecaster(dense)) {
            Forecast forecast = forecaster.forecast(20 * GB, SESSION, BANDWIDTHS);
            assertThat(forecast.verdict()).isEqualTo(Verdict.STREAMS);
            Speed speed = forecast.speed().orElseThrow();
            long lacks = forecast.active() + forecast.context().total() - 20 * GB;
            assertThat(speed.bytesRead()).isBetween(lacks, lacks + GB);
            assertThat(speed.reading()).isCloseTo(speed.bytesRead() / 2e9, within(1e-6));
            assertThat(speed.best()).isEqualTo(Math.max(speed.computing(), speed.reading()) / 1.2);
            assertThat(speed.worst()).isEqualTo((speed.computing() + speed.reading()) * 1.2);
            assertThat(speed.expected()).isBetween(speed.best(), speed.worst());
            assertThat(forecast.total()).isLessThanOrEqualTo(20 * GB);
            assertThat(forecast.coldStartSeconds())
                    .isCloseTo(forecast.weights() / 2e9 + speed.computing(), within(1e-6));
        }
    }

    @Test
    void expertsAreReadInSlices() {
        try (Forecaster forecaster = forecaster(experts)) {
            Forecast forecast = forecaster.forecast(8 * GB, SESSION, BANDWIDTHS);
            assertThat(forecast.verdict()).isEqualTo(Verdict.HOT_SET_FITS);
            Speed speed = forecast.speed().orElseThrow();
            assertThat(speed.reading()).isCloseTo(speed.bytesRead() / 1e9, within(1e-6));
            assertThat(speed.bytesRead()).isLessThan(forecast.active());
        }
    }

    @Test
    void tooLittleRamIsSaidWithTheLeastThatWouldDo() {
        try (Forecaster forecaster = forecaster(dense)) {
            Forecast forecast = forecaster.forecast(GB / 4, SESSION, BANDWIDTHS);
            assertThat(forecast.verdict()).isEqualTo(Verdict.TOO_LITTLE_RAM);
            assertThat(forecast.speed()).isEmpty();
            long least = forecast.leastRam().orElseThrow();
            assertThat(forecaster.forecast(least + 2_000_000, SESSION, BANDWIDTHS).verdict())
                    .isEqualTo(Verdict.STREAMS);
        }
    }

    /** Blocks of q8_0 have 32 elements, and a head must consist of whole blocks. */
    @ParameterizedTest
    @ValueSource(ints = {16, 80})
    void adviceThatAModelCanNotFollowIsNotGiven(int headSize) throws IOException {
        Path path =
                write(
                        "heads" + headSize,
                        new Shape("llama", 4, 1280, 4096, 16, 16, headSize, 0, 0, false));
        try (Forecaster forecaster = forecaster(path)) {
            Forecast forecast = forecaster.forecast(GB, SESSION, BANDWIDTHS);
            assertThat(forecaster.advice(SESSION, forecast))
                    .extracting(Advice::kind)
                    .doesNotContain(Kind.KV_TYPE);
        }
    }

    @Test
    void adviceIsTriedOut() {
        try (Forecaster forecaster = forecaster(dense)) {
            SessionOptions large = SESSION.withContextSize(8192);
            Forecast forecast = forecaster.forecast(30 * GB, large, BANDWIDTHS);
            List<Advice> advice = forecaster.advice(large, forecast);
            assertThat(advice)
                    .extracting(Advice::kind)
                    .contains(Kind.CONTEXT, Kind.KV_TYPE, Kind.QUANTIZATION, Kind.RAM, Kind.DISK);
            assertThat(advice).allSatisfy(a -> assertThat(a.gain()).isGreaterThan(1.02));
            Advice context = advice.getFirst();
            double small =
                    forecaster
                            .forecast(30 * GB, SESSION, BANDWIDTHS)
                            .speed()
                            .orElseThrow()
                            .tokensPerSecond();
            assertThat(context.tokensPerSecond()).isCloseTo(small, within(1e-9));
            assertThat(context.gain())
                    .isCloseTo(
                            small / forecast.speed().orElseThrow().tokensPerSecond(), within(1e-9));
        }
    }

    /** A copy takes RAM, so that more is read, but one pass then gives several tokens. */
    @Test
    void aCopyThatDraftsIsAdvisedWhereReadingTakesTheTime() {
        Bandwidths reading = new Bandwidths(1e15, 2e9, 1e9, 0);
        try (Forecaster forecaster = forecaster(dense)) {
            Forecast forecast = forecaster.forecast(24 * GB, SESSION, reading);
            Advice draft =
                    forecaster.advice(SESSION, forecast).stream()
                            .filter(advice -> advice.kind() == Kind.DRAFT)
                            .findFirst()
                            .orElseThrow();
            assertThat(draft.value()).isEqualTo("self:Q2_K");
            assertThat(draft.gain()).isBetween(1.5, 4.5);
            // With a CPU that is as slow as the disk, checking drafts costs what they save.
            Bandwidths computing = new Bandwidths(1e9, 2e9, 1e9, 0);
            Forecast slow = forecaster.forecast(24 * GB, SESSION, computing);
            assertThat(forecaster.advice(SESSION, slow))
                    .extracting(Advice::kind)
                    .doesNotContain(Kind.DRAFT);
        }
        try (Forecaster forecaster = forecaster(experts)) {
            Forecast forecast = forecaster.forecast(8 * GB, SESSION, reading);
            assertThat(forecaster.advice(SESSION, forecast))
                    .extracting(Advice::kind)
                    .doesNotContain(Kind.DRAFT);
        }
    }

    @Test
    void otherQuantizationsAreAsLargeAsLlamaCppMakesThem() {
        try (Forecaster forecaster = forecaster(experts)) {
            List<QuantizedForecast> rows = forecaster.quantized(8 * GB, SESSION, BANDWIDTHS);
            assertThat(rows)
                    .extracting(row -> row.type().toString())
                    .containsExactly("BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K");
            assertThat(rows)
                    .extracting(QuantizedForecast::size)
                    .isSortedAccordingTo((a, b) -> Long.compare(b, a));
            assertThat(rows.get(0).bitsPerWeight()).isBetween(16.0, 16.1);
            // The demo model is Q8_0.
            assertThat(rows.get(1).size()).isEqualTo(forecaster.weights().size());
            assertThat(rows.get(1).speed())
                    .isEqualTo(forecaster.forecast(8 * GB, SESSION, BANDWIDTHS).speed());
            assertThat(rows.get(4).bitsPerWeight()).isBetween(4.5, 5.2);
        }
    }

    @Test
    void theLargestContextIsTheLargest() {
        try (ModelDryRun model = new ModelDryRun(dense, ModelOptions.defaults())) {
            SessionOptions all = SESSION.withContextSize(100_000);
            int largest = model.largestContext(all, 4 * GB);
            assertThat(model.memory(all.withContextSize(largest)).total())
                    .isLessThanOrEqualTo(4 * GB);
            assertThat(model.memory(all.withContextSize(largest + 512)).total())
                    .isGreaterThan(4 * GB);
            assertThat(model.largestContext(all, 1_000_000)).isZero();
        }
    }

    @Test
    void aModelOnAWebServerIsForecastAsIfItWereHere() throws IOException {
        HttpServer server =
                HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/",
                exchange -> {
                    String[] range =
                            exchange.getRequestHeaders()
                                    .getFirst("Range")
                                    .replace("bytes=", "")
                                    .split("-");
                    long from = Long.parseLong(range[0]);
                    byte[] bytes = new byte[(int) (Long.parseLong(range[1]) - from + 1)];
                    try (RandomAccessFile file = new RandomAccessFile(scout.toFile(), "r")) {
                        file.seek(from);
                        file.readFully(bytes);
                    }
                    exchange.getResponseHeaders()
                            .set(
                                    "Content-Range",
                                    String.format(
                                            Locale.ROOT,
                                            "bytes %s-%s/%d",
                                            range[0],
                                            range[1],
                                            Files.size(scout)));
                    exchange.sendResponseHeaders(206, bytes.length);
                    exchange.getResponseBody().write(bytes);
                    exchange.close();
                });
        server.start();
        try (Forecaster local = forecaster(scout);
                HttpClient client = HttpClient.newHttpClient();
                Forecaster remote =
                        new Forecaster(
                                ModelFiles.read(
                                        URI.create(
                                                String.format(
                                                        Locale.ROOT,
                                                        "http://localhost:%d/scout.gguf",
                                                        server.getAddress().getPort())),
                                        HttpSender.of(client)))) {
            assertThat(remote.forecast(24 * GB, SESSION, BANDWIDTHS))
                    .isEqualTo(local.forecast(24 * GB, SESSION, BANDWIDTHS));
        } finally {
            server.stop(0);
        }
        try (Stream<Path> left = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
            assertThat(left.map(path -> path.getFileName().toString()))
                    .noneMatch(name -> name.startsWith("bigllama-headers-"));
        }
    }

    @Test
    void bandwidthsAreMeasuredOnce() throws IOException {
        try (Forecaster forecaster = forecaster(DemoModel.PATH)) {
            double first = Bandwidths.measureMemory(forecaster.weights(), 2, true);
            assertThat(first).isBetween(1e8, 1e13);
            double second = Bandwidths.measureMemory(forecaster.weights(), 2, false);
            assertThat(second).isCloseTo(first, within(1.0));
            Bandwidths disk = Bandwidths.withMeasuredDisk(first, forecaster.weights(), false);
            assertThat(disk.disk()).isBetween(1e6, 1e12);
        }
    }

    /** All types that a model can have: a kernel that crashes would end this process. */
    @ParameterizedTest
    @EnumSource(
            value = GgmlType.class,
            names = {"F32", "F16", "BF16", "Q8_0", "Q6_K", "Q4_K", "Q2_K", "IQ4_XS", "IQ1_S"})
    void everyTypeCanBeMeasured(GgmlType type) {
        assertThat(MatrixSpeed.of(type, 4096, 4096, 2)).isBetween(1e7, 1e13);
        assertThat(MatrixSpeed.of(type, 256, 256, 2)).isBetween(1e7, 1e13);
    }

    @ParameterizedTest
    @EnumSource(
            value = LoadMode.class,
            names = {"NONE", "MLOCK", "MMAP_MLOCK", "DIRECT_IO"})
    void aModeThatNeedsAllOfItIsRefusedWhereItDoesNotFit(LoadMode mode) {
        assertThatThrownBy(() -> LlamaModel.load(scout, ModelOptions.defaults().withLoadMode(mode)))
                .isInstanceOf(ModelLoadException.class)
                .hasCauseInstanceOf(InsufficientRamException.class)
                .hasMessageContaining("load mode " + mode + " needs all ")
                .hasMessageContaining("load mode auto")
                .hasMessageNotContaining("\n");
    }

    @Test
    void repackingIsRefusedWhereItDoesNotFit() {
        assertThatThrownBy(
                        () ->
                                LlamaModel.load(
                                        scout, ModelOptions.defaults().withLoadMode(LoadMode.MMAP)))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("rearranging weights copies them into memory");
    }

    @Test
    void aSessionPlansWhatWasForecast() {
        long limit = AvailableRam.anonymousBytes() + 2 * GB;
        SessionOptions options = SessionOptions.defaults().withContextSize(8192);
        try (Forecaster forecaster = forecaster(experts);
                LlamaModel model =
                        LlamaModel.load(experts, ModelOptions.defaults().withRam(limit));
                LlamaSession session = model.newSession(options)) {
            long cache = forecaster.forecast(limit, options, BANDWIDTHS).context().kvCache();
            // The heap of earlier tests may have shrunk meanwhile.
            long own = AvailableRam.anonymousBytes() - cache;
            Forecast forecast =
                    forecaster.forecast(limit - own + Forecaster.OWN_MEMORY, options, BANDWIDTHS);
            assertThat(session.contextSize()).isEqualTo(forecast.session().contextSize());
            ResidencyPlan foreseen = forecast.plan().orElseThrow();
            ResidencyPlan plan = model.residency().orElseThrow().plan();
            // This process grows and shrinks a little by itself.
            assertThat((double) plan.weightRam()).isCloseTo(foreseen.weightRam(), within(4e7));
            assertThat((double) plan.streamed()).isCloseTo(foreseen.streamed(), within(4e7));
        }
    }

    @Test
    void aContextThatDoesNotFitIsRefusedWithTheLargestThatDoes() {
        long ram = AvailableRam.anonymousBytes() + 2 * GB;
        try (LlamaModel model = LlamaModel.load(experts, ModelOptions.defaults().withRam(ram))) {
            assertThatThrownBy(() -> model.newSession(SESSION.withContextSize(1_000_000)))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("a context of 1000000 tokens takes ")
                    .hasMessageMatching("(?s).*the largest that fits is \\d+, or more .*");
            try (LlamaSession session =
                    model.newSession(SESSION.withContextSize(SessionOptions.AUTO_CONTEXT))) {
                assertThat(session.contextSize()).isBetween(256, 4096);
            }
        }
    }

    /** A dense model that reads for most of its time gains nearly as much as it has tokens. */
    @Test
    void severalTokensInAPassShareWhatIsRead() {
        try (Forecaster forecaster = forecaster(dense)) {
            Forecast streams =
                    forecaster.forecast(16 * GB, SESSION, new Bandwidths(1e15, 2e9, 1e9, 0));
            double one = forecaster.tokensPerSecond(streams, 1).orElseThrow();
            assertThat(one)
                    .isCloseTo(streams.speed().orElseThrow().tokensPerSecond(), within(1e-9));
            assertThat(forecaster.tokensPerSecond(streams, 8).orElseThrow())
                    .isCloseTo(8 * one, within(0.01 * one));
            Forecast computes = forecaster.forecast(64 * GB, SESSION, BANDWIDTHS);
            assertThat(forecaster.tokensPerSecond(computes, 8).orElseThrow())
                    .isCloseTo(computes.speed().orElseThrow().tokensPerSecond(), within(1e-9));
            assertThatThrownBy(() -> forecaster.tokensPerSecond(computes, 0))
                    .isInstanceOf(IllegalArgumentException.class);
            Forecast none = forecaster.forecast(GB / 10, SESSION, BANDWIDTHS);
            assertThat(forecaster.tokensPerSecond(none, 2)).isEmpty();
        }
    }

    /** With 8 of 64 experts at random, two tokens use 15 of them, and a hundred all. */
    @Test
    void severalTokensInAPassReadFurtherExperts() {
        Bandwidths reading = new Bandwidths(1e15, 2e9, 1e9, 0);
        try (Forecaster forecaster = forecaster(experts)) {
            Forecast forecast = forecaster.forecast(12 * GB, SESSION, reading);
            assertThat(forecast.verdict()).isEqualTo(Verdict.HOT_SET_FITS);
            double one = forecaster.tokensPerSecond(forecast, 1).orElseThrow();
            assertThat(forecaster.tokensPerSecond(forecast, 2).orElseThrow() / one)
                    .isCloseTo(2 * 8 / 15.0, within(0.001));
            assertThat(forecaster.tokensPerSecond(forecast, 100).orElseThrow() / one)
                    .isCloseTo(100 / 8.0, within(0.01));
        }
    }
}
