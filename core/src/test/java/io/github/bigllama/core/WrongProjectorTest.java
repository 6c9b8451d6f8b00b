package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.chat.ChatMessage;
import io.github.bigllama.core.chat.Role;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.core.exception.MediaException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.ServerException;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.media.Media;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TinyProjector;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Projectors that strangers made: whatever is wrong with one, the process goes on. */
class WrongProjectorTest {
    private static final String EPSILON = "clip.vision.attention.layer_norm_epsilon";

    @TempDir static Path folder;

    private static Path llava;

    @BeforeAll
    static void write() throws IOException {
        llava = TinyProjector.llava(folder.resolve("llava.gguf"), length());
    }

    private static int length() {
        try (LlamaModel model = DemoModel.load()) {
            return model.embeddingSize();
        }
    }

    private static LlamaModel load(Path projector) {
        return LlamaModel.load(DemoModel.PATH, ModelOptions.defaults().withProjector(projector));
    }

    /** Loads a projector, and computes a picture or a sound with it, unless it is refused. */
    private static String attempt(RawGguf file) throws IOException {
        Path path = file.write(folder.resolve("wrong.gguf"));
        try (LlamaModel model = load(path);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD)) {
            boolean sees = model.projector().orElseThrow().supportsVision();
            Media media = Media.of("what is given", sees ? png() : MediaTest.wav(16_000));
            List<ChatMessage> question =
                    List.of(new ChatMessage(Role.USER, List.of(media), "What is it?"));
            new Chat(session).send(question, GenerationOptions.greedy().withMaxTokens(1)).text();
            return "computed";
        } catch (ModelLoadException e) {
            assertThat(e).hasMessageContaining("wrong.gguf");
            return one(e);
        } catch (MediaException e) {
            assertThat(e).hasMessageContaining("what is given");
            return one(e);
        }
    }

    private static String one(LlamaException e) {
        assertThat(e).message().doesNotContain("\n");
        return e.getMessage();
    }

    private static byte[] png() throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(new BufferedImage(32, 32, BufferedImage.TYPE_INT_RGB), "png", out);
        return out.toByteArray();
    }

    private static RawGguf.Tensor zeros(String name, GgmlType type, Long... shape) {
        long bytes = Arrays.stream(shape).reduce((long) type.typeSize(), Math::multiplyExact);
        return new RawGguf.Tensor(
                name, type.id(), List.of(shape), new byte[Math.toIntExact(bytes)]);
    }

    @Test
    void eachTensorMayBeMissingOrShort() throws Exception {
        for (Path whole :
                List.of(
                        llava,
                        TinyProjector.gemma(folder.resolve("gemma.gguf"), length()),
                        TinyProjector.ultravox(folder.resolve("ultravox.gguf"), length()))) {
            assertThat(attempt(RawGguf.copyOf(whole))).isEqualTo("computed");
            List<String> outcomes = new ArrayList<>();
            int count = RawGguf.copyOf(whole).tensors.size();
            for (int i = 0; i < count; i++) {
                RawGguf without = RawGguf.copyOf(whole);
                RawGguf.Tensor tensor = without.tensors.remove(i);
                outcomes.add(attempt(without));
                without.tensors.add(zeros(tensor.name(), GgmlType.F32, tensor.shape().getFirst()));
                outcomes.add(attempt(without));
            }
            assertThat(outcomes).anyMatch(outcome -> outcome.contains("lacks a tensor"));
            assertThat(outcomes).anyMatch(outcome -> outcome.contains("do not fit together"));
        }
    }

    @Test
    void typesWhoseTensorsAreOthersAreRefused() throws Exception {
        for (String type :
                List.of(
                        "qwen2vl_merger",
                        "qwen3vl_merger",
                        "gemma3nv",
                        "gemma4a",
                        "gemma4v",
                        "exaone4_5",
                        "internvl",
                        "kimivl",
                        "minicpmv4_6",
                        "ultravox",
                        "lfm2a")) {
            assertThat(attempt(RawGguf.copyOf(llava).text("clip.projector_type", type)))
                    .as(type)
                    .isNotEqualTo("computed");
        }
    }

    @Test
    void tensorsThatAreReadOutsideOfGraphsAreNamed() throws Exception {
        RawGguf file = RawGguf.copyOf(llava);
        file.tensors.removeIf(tensor -> tensor.name().equals("mm.2.weight"));
        assertThat(attempt(file))
                .contains("'mm.2.weight' is missing, which a projector of type 'mlp' needs");
        file = RawGguf.copyOf(llava).text("clip.projector_type", "phi4");
        file.tensors.removeIf(tensor -> tensor.name().equals("v.position_embd.weight"));
        assertThat(attempt(file))
                .contains("'v.position_embd.weight' is missing")
                .contains("type 'phi4' needs");
    }

    @Test
    void picturesWithMorePatchesThanPositionsAreRefused() throws Exception {
        assertThat(attempt(RawGguf.copyOf(llava).u32("clip.vision.image_size", 64)))
                .contains("too few positions")
                .contains("v.position_embd.weight has 16 rows, and row 16 is needed");
    }

    @Test
    void aCountOfLayersIsOneOfTensors() throws Exception {
        for (long count : List.of(0L, 100L, (long) Integer.MAX_VALUE)) {
            assertThat(attempt(RawGguf.copyOf(llava).u32("clip.vision.block_count", count)))
                    .contains("clip.vision.block_count is " + count + ", llama.cpp needs 1 to ");
        }
    }

    @Test
    void networksThatDoNotFitAreRefused() throws Exception {
        Path damaged = TinyProjector.damaged(folder.resolve("damaged.gguf"), length());
        assertThat(attempt(RawGguf.copyOf(damaged))).contains("do not fit together");
    }

    /** Threads of the CPU backend would end the process for these. */
    @Test
    void whatThreadsCannotComputeIsRefused() throws Exception {
        RawGguf epsilon = RawGguf.copyOf(llava).f32(EPSILON, Float.NaN);
        assertThat(attempt(epsilon)).contains(EPSILON + " is NaN");
        ServerOptions serving =
                ServerOptions.defaults().with("--mmproj", folder.resolve("wrong.gguf").toString());
        try (LlamaModel model = DemoModel.load()) {
            assertThatThrownBy(() -> LlamaServer.start(model, serving))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining(EPSILON + " is NaN");
        }
        for (GgmlType type : List.of(GgmlType.F16, GgmlType.I32)) {
            refuses("v.blk.0.ln1.weight", type);
            refuses("v.blk.0.attn_q.bias", type);
        }
        refuses("v.blk.0.ffn_up.weight", GgmlType.I8);
    }

    private static void refuses(String name, GgmlType type) throws IOException {
        RawGguf file = RawGguf.copyOf(llava);
        file.tensors.replaceAll(
                tensor ->
                        tensor.name().equals(name)
                                ? zeros(name, type, tensor.shape().toArray(Long[]::new))
                                : tensor);
        assertThat(attempt(file)).contains("tensor '" + name + "' has type " + type.label());
    }

    @Test
    void theServerRefusesWhatASessionRefuses() throws Exception {
        RawGguf file = RawGguf.copyOf(llava).text("clip.projector_type", "qwen2vl_merger");
        Path path = file.write(folder.resolve("other.gguf"));
        try (LlamaModel model = DemoModel.load()) {
            ServerOptions options = ServerOptions.defaults().with("--mmproj", path.toString());
            assertThatThrownBy(() -> LlamaServer.start(model, options))
                    .isInstanceOf(ServerException.class)
                    .hasMessageContaining("lacks a tensor");
        }
    }
}
