package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.AdapterFile;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import io.github.bigllama.testing.AdapterGguf;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Adapters that don't fit are refused in one line, and never reach llama.cpp. */
@Timeout(120)
class BadAdaptersTest {
    private static final String DOWN = "blk.3.ffn_down.weight";

    @TempDir static Path folder;

    private static LlamaModel model;

    @BeforeAll
    static void load() {
        model = DemoModel.load();
    }

    @AfterAll
    static void close() {
        model.close();
    }

    private static RawGguf lora() {
        return AdapterGguf.lora("llama");
    }

    private static RawGguf pair(String name, GgmlType type, List<Long> a, List<Long> b) {
        return lora().tensor(name + ".lora_a", type, a.toArray(Long[]::new))
                .tensor(name + ".lora_b", type, b.toArray(Long[]::new));
    }

    private static RawGguf good() {
        return pair(DOWN, GgmlType.F32, List.of(768L, 4L), List.of(4L, 256L));
    }

    private static RawGguf vector(String name, GgmlType type, Long... shape) {
        return AdapterGguf.controlVector("llama", Map.of()).tensor(name, type, shape);
    }

    private static Arguments bad(RawGguf file, String... parts) {
        return Arguments.of(file, List.of(parts));
    }

    static Stream<Arguments> bad() {
        return Stream.of(
                bad(
                        AdapterGguf.lora("qwen3").tensor(DOWN + ".lora_a", GgmlType.F32, 768L, 4L),
                        "made for a model of architecture 'qwen3'",
                        "bigllama-demo-Q8_0.gguf is 'llama'"),
                bad(good().text("adapter.type", "dora"), "an adapter of type 'dora'"),
                bad(good().remove("adapter.type"), "an adapter of type ''"),
                bad(good().put("adapter.type", AdapterGguf.u32(1)), "an adapter of type ''"),
                bad(good().put("general.architecture", AdapterGguf.u32(1)), "architecture ''"),
                bad(
                        good().put("adapter.lora.alpha", AdapterGguf.u32(16)),
                        "adapter.lora.alpha is of type",
                        "needs f32"),
                bad(lora(), "it has no tensors"),
                bad(
                        lora().tensor(DOWN + ".lora_a", GgmlType.F32, 768L, 4L),
                        "tensor '" + DOWN + ".lora_b' is missing"),
                bad(
                        lora().tensor(DOWN + ".lora_b", GgmlType.F32, 4L, 256L),
                        "tensor '" + DOWN + ".lora_a' is missing"),
                bad(
                        lora().tensor(DOWN, GgmlType.F32, 768L, 256L),
                        "tensor '" + DOWN + "' is neither .lora_a nor .lora_b of a matrix"),
                bad(
                        pair(
                                "blk.4.ffn_down.weight",
                                GgmlType.F32,
                                List.of(768L, 4L),
                                List.of(4L, 256L)),
                        "has no tensor 'blk.4.ffn_down.weight'",
                        "made for another model"),
                bad(
                        pair(DOWN, GgmlType.F32, List.of(512L, 4L), List.of(4L, 256L)),
                        "of shapes [512, 4] and [4, 256], don't fit a matrix of [768, 256]"),
                bad(
                        pair(DOWN, GgmlType.F32, List.of(768L, 4L), List.of(8L, 256L)),
                        "don't fit a matrix of [768, 256]"),
                bad(
                        pair(DOWN, GgmlType.F32, List.of(768L, 4L), List.of(4L, 128L)),
                        "don't fit a matrix of [768, 256]"),
                // GGML_ASSERT(ggml_can_mul_mat(a, b)) in ggml_mul_mat.
                bad(
                        pair(DOWN, GgmlType.F32, List.of(768L, 4L, 3L), List.of(4L, 256L, 3L)),
                        "don't fit a matrix of [768, 256]"),
                bad(
                        pair(
                                "token_embd.weight",
                                GgmlType.F32,
                                List.of(4L, 1024L),
                                List.of(4L, 256L)),
                        "token_embd.weight, which is the output matrix"),
                bad(
                        pair(
                                "token_embd.weight",
                                GgmlType.F32,
                                List.of(4L, 1024L),
                                List.of(8L, 256L)),
                        "don't fit a matrix of [256, 1024]"),
                // A call to NULL in ggml_compute_forward_mul_mat.
                bad(
                        pair(DOWN, GgmlType.I32, List.of(768L, 4L), List.of(4L, 256L)),
                        "has type i32, which llama.cpp cannot multiply with"),
                bad(
                        pair(DOWN, GgmlType.F32, List.of(768L, 0L), List.of(0L, 256L)),
                        "has no elements"),
                bad(
                        AdapterGguf.u32s(good(), "adapter.alora.invocation_tokens", 1, 2),
                        "is an activated LoRA (aLoRA)",
                        "serve"),
                bad(
                        good().text("adapter.alora.invocation_tokens", "x"),
                        "adapter.alora.invocation_tokens is no array of u32"),
                bad(
                        vector("direction.1", GgmlType.F32, 256L)
                                .text("controlvector.model_hint", "qwen3"),
                        "made for a model of architecture 'qwen3'"),
                bad(vector("direction.0", GgmlType.F32, 256L), "'direction.0' is no direction.N"),
                bad(vector("direction.x", GgmlType.F32, 256L), "'direction.x' is no direction.N"),
                bad(vector("direction.1", GgmlType.F16, 256L), "[256] of type f16"),
                bad(vector("direction.1", GgmlType.F32, 256L, 2L), "must be a vector of f32"),
                bad(
                        vector("direction.1", GgmlType.F32, 128L),
                        "direction.1 has 128 elements",
                        "4 layers with 256"),
                bad(vector("direction.5", GgmlType.F32, 256L), "has 4 layers"),
                bad(AdapterGguf.controlVector("llama", Map.of()), "it has no tensors"));
    }

    @ParameterizedTest
    @MethodSource("bad")
    void isRefused(RawGguf file, List<String> parts) throws IOException {
        refused(file.write(folder.resolve("bad.gguf")), parts);
    }

    private static void refused(Path file, List<String> parts) {
        ModelLoadException e =
                catchThrowableOfType(ModelLoadException.class, () -> model.loadAdapter(file));
        assertThat(e).as(file + " " + parts).isNotNull();
        assertThat(e.path()).isEqualTo(file);
        assertThat(e.getMessage()).contains(file.toString()).doesNotContain("\n");
        assertThat(e).hasMessageContainingAll(parts.toArray(String[]::new));
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        refused(folder.resolve("missing.gguf"), List.of("missing.gguf"));
        refused(folder, List.of("folder"));
        refused(DemoModel.PATH, List.of("is a language model", "give a LoRA adapter"));
        Path text = Files.writeString(folder.resolve("text.gguf"), "no adapter at all, just text");
        refused(text, List.of("GGUF"));
        byte[] whole = good().bytes();
        for (int length : new int[] {10, 100, whole.length / 2, whole.length - 33}) {
            Path cut = Files.write(folder.resolve("cut.gguf"), Arrays.copyOf(whole, length));
            refused(cut, List.of(length <= 100 ? "ends" : "is cut short"));
        }
        Path adapter = good().write(folder.resolve("good.gguf"));
        assertThatThrownBy(() -> model.loadAdapter(AdapterFile.of(adapter).withLayers(1, 2)))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("only a control vector can be limited to some layers");
        assertThatThrownBy(() -> AdapterFile.of(adapter).withLayers(0, 2))
                .isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> AdapterFile.of(adapter).withScale(Float.POSITIVE_INFINITY))
                .isInstanceOf(IllegalArgumentException.class);
        // None of them has left anything behind.
        model.loadAdapter(adapter).close();
    }

    /** What llama.cpp leaves out does not matter: norms, and zeros. */
    @Test
    void goodOnesAreNot() throws IOException {
        Path file =
                good().tensor("blk.3.ffn_norm.weight", GgmlType.F32, 256L)
                        .write(folder.resolve("norm.gguf"));
        try (Adapter adapter = model.loadAdapter(file);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            session.setAdapters(Map.of(adapter, 1f));
            assertThat(
                            session.generate(
                                            DemoModel.prompt("What is the capital of France?"),
                                            GenerationOptions.greedy())
                                    .text())
                    .isEqualTo("The capital of France is Paris.");
            session.setAdapters(Map.of());
        }
    }

    /** It has matrices as others have, but no layer that a control vector could steer. */
    @Test
    void aModelOfOneLayerTakesLoraOnly() throws IOException {
        Shape shape = new Shape("llama", 1, 256, 512, 4, 4, 64, 0, 0, false);
        Path path = folder.resolve("layer.gguf");
        RandomModel.write(path, shape, Gguf.read(DemoModel.PATH), false, fraction -> true);
        Path lora =
                AdapterGguf.random(
                        folder.resolve("layer-lora.gguf"),
                        path,
                        GgmlType.F32,
                        "blk.0.ffn_down.weight"::equals,
                        1);
        Path other = good().write(folder.resolve("other.gguf"));
        Path vector =
                AdapterGguf.controlVector("llama", Map.of(1, new float[256]))
                        .write(folder.resolve("vector.gguf"));
        try (LlamaModel small = LlamaModel.load(path)) {
            small.loadAdapter(lora).close();
            assertThatThrownBy(() -> small.loadAdapter(other))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("has no tensor 'blk.3.ffn_down.weight'");
            assertThatThrownBy(() -> small.loadAdapter(vector))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("steers layers from the second on")
                    .hasMessageContaining("has one layer");
        }
    }

    /** Its numbers are not read before: it may be the adapter, not the model, that is damaged. */
    @Test
    void oneThatIsNoNumberIsNamedAsACause() throws IOException {
        Path file =
                good().f32("adapter.lora.alpha", Float.NaN).write(folder.resolve("number.gguf"));
        try (Adapter adapter = model.loadAdapter(file);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            session.setAdapters(Map.of(adapter, 1f));
            assertThatThrownBy(() -> session.generate("Hi", GenerationOptions.greedy()).text())
                    .isInstanceOf(DecodeException.class)
                    .hasMessageContaining(", or in an adapter, are damaged");
            session.setAdapters(Map.of());
            assertThat(session.generate("Hi", GenerationOptions.greedy().withMaxTokens(1)).text())
                    .isNotEmpty();
        }
    }

    @Test
    void noModelIsLoadedWithABadOne() throws IOException {
        Path bad = lora().write(folder.resolve("empty.gguf"));
        ModelOptions options = ModelOptions.defaults().withAdapters(List.of(AdapterFile.of(bad)));
        assertThatThrownBy(() -> LlamaModel.load(DemoModel.PATH, options))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("it has no tensors");
    }

    @Test
    void noServerIsStartedWithABadOne() throws IOException {
        Path bad =
                pair(DOWN, GgmlType.F32, List.of(768L, 4L, 3L), List.of(4L, 256L, 3L))
                        .write(folder.resolve("server.gguf"));
        for (String option : List.of("--lora", "--control-vector")) {
            ServerOptions options =
                    ServerOptions.defaults()
                            .withAddress("127.0.0.1", 0)
                            .with(option, bad.toString());
            assertThatThrownBy(() -> LlamaServer.start(model, options))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining("don't fit a matrix of [768, 256]");
        }
        LlamaServer.start(model, ServerOptions.defaults().withAddress("127.0.0.1", 0)).close();
    }
}
