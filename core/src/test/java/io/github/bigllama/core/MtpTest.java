package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.LoadMode;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.SamplingOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.option.Speculation;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.PlanRules;
import io.github.bigllama.internal.synthetic.Architecture;
import io.github.bigllama.testing.Architectures;
import io.github.bigllama.testing.Endless;
import io.github.bigllama.testing.SmallRam;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that draft by their own layers say what they would say without drafts. */
class MtpTest {
    private static final int ANSWER = 60;
    private static final long SIZE = 72_000_000;
    private static final SessionOptions OPTIONS =
            SessionOptions.defaults().withContextSize(512).withBatchSizes(64, 64).withThreads(1, 1);

    /** So that nothing is computed in another order than where weights are streamed. */
    private static final ModelOptions PLAIN =
            ModelOptions.defaults().withLoadMode(LoadMode.MMAP).withRepack(false).withMtp(true);

    @TempDir Path folder;

    private static int[] text(int seed, int count) {
        return IntStream.range(0, count).map(i -> 20 + (i * 37 + seed * 101) % 500).toArray();
    }

    private static GenerationOptions greedy(LlamaModel model) {
        return GenerationOptions.defaults()
                .withSampling(SamplingOptions.greedy().withLogitBias(Endless.logitBias(model)))
                .withMaxTokens(ANSWER);
    }

    private record Answer(int[] tokens, SpeculationStats stats) {}

    private static Answer answer(LlamaSession session, GenerationOptions options, int... prompt) {
        try (TokenStream stream = session.generate(prompt, options)) {
            stream.text();
            return new Answer(
                    stream.tokens(), stream.stats().speculation().orElse(SpeculationStats.NONE));
        }
    }

    private static int[] without(LlamaModel model, GenerationOptions options, int... prompt) {
        try (LlamaSession session = model.newSession(OPTIONS.withSpeculation(Speculation.OFF))) {
            return answer(session, options, prompt).tokens();
        }
    }

    /** A model whose next token depends on the last one alone, which its own layers can foresee. */
    private Path foreseen(String name, long size) throws IOException {
        Path path = Architectures.write(folder, Architecture.of(name).ofSize(size));
        ModelFiles files = ModelFiles.read(path);
        int last = (int) files.metadata().integer(name + ".block_count").orElseThrow() - 1;
        try (FileChannel file =
                FileChannel.open(path, StandardOpenOption.WRITE, StandardOpenOption.READ)) {
            for (TensorInfo tensor : files.first().tensors()) {
                boolean isAdded =
                        tensor.name().contains("attn_output.weight")
                                || tensor.name().contains("ssm_out.weight")
                                || tensor.name().contains("ffn_down");
                if (isAdded) {
                    write(file, files, tensor, new byte[Math.toIntExact(tensor.size())]);
                }
            }
            String mtp = "blk." + last + ".nextn.";
            TensorInfo projection = files.tensor(mtp + "eh_proj.weight").orElseThrow();
            write(file, files, projection, embeddingOnly(projection));
            TensorInfo norm = files.tensor(mtp + "enorm.weight").orElseThrow();
            write(file, files, norm, ones(norm));
            for (String other : List.of("output_norm.weight", mtp + "shared_head_norm.weight")) {
                TensorInfo tensor = files.tensor(other).orElseThrow();
                write(file, files, tensor, ones(tensor));
            }
            share(file, files, "output.weight", mtp + "shared_head_head.weight");
            share(file, files, "token_embd.weight", mtp + "embed_tokens.weight");
        }
        return path;
    }

    private static void write(FileChannel file, ModelFiles files, TensorInfo tensor, byte[] bytes)
            throws IOException {
        file.write(ByteBuffer.wrap(bytes), files.first().dataOffset() + tensor.offset());
    }

    /** Has two tensors the same contents, if the model has both. */
    private static void share(FileChannel file, ModelFiles files, String from, String to)
            throws IOException {
        TensorInfo target = files.tensor(to).orElse(null);
        if (target != null) {
            TensorInfo source = files.tensor(from).orElseThrow();
            ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(source.size()));
            file.read(bytes, files.first().dataOffset() + source.offset());
            write(file, files, target, bytes.array());
        }
    }

    private static byte[] ones(TensorInfo tensor) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Math.toIntExact(tensor.size())).order(ByteOrder.LITTLE_ENDIAN);
        while (bytes.hasRemaining()) {
            bytes.putFloat(1);
        }
        return bytes.array();
    }

    /** In Q8_0, [I 0]: of the embedding and the hidden state only the first. */
    private static byte[] embeddingOnly(TensorInfo tensor) {
        ByteBuffer bytes =
                ByteBuffer.allocate(Math.toIntExact(tensor.size())).order(ByteOrder.LITTLE_ENDIAN);
        int row = (int) (tensor.ne(0) / 32 * 34);
        for (int i = 0; i < tensor.ne(1); i++) {
            int block = i * row + i / 32 * 34;
            bytes.putShort(block, Float.floatToFloat16(1 / 127f));
            bytes.put(block + 2 + i % 32, (byte) 127);
        }
        return bytes.array();
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen35", "qwen35moe", "glm4moe"})
    void whatIsForeseenComesFourTokensAPass(String name) throws IOException {
        try (LlamaModel model = LlamaModel.load(foreseen(name, 0), PLAIN);
                LlamaSession session = model.newSession(OPTIONS.withSpeculation(Speculation.MTP))) {
            assertThat(model.supportsMtp()).isTrue();
            GenerationOptions options = greedy(model);
            int[] prompt = text(1, 100);
            int[] expected = without(model, options, prompt);
            assertThat(Arrays.stream(expected).distinct().count()).isGreaterThan(3);
            Answer answer = answer(session, options, prompt);
            assertThat(answer.tokens()).isEqualTo(expected);
            assertThat(answer.stats().tokensPerPass()).isGreaterThan(2.5);
            // The conversation goes on, after something else or from an earlier place.
            for (int[] next : List.of(text(2, 30), Arrays.copyOf(prompt, 50))) {
                Answer more = answer(session, options, next);
                assertThat(more.tokens()).isEqualTo(without(model, options, next));
                assertThat(more.stats().accepted()).isPositive();
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen35", "qwen35moe", "glm4moe"})
    void wrongDraftsChangeNothing(String name) throws IOException {
        Path path = Architectures.write(folder, name);
        try (LlamaModel model = LlamaModel.load(path, PLAIN);
                LlamaSession session = model.newSession(OPTIONS.withSpeculation(Speculation.MTP))) {
            GenerationOptions options = greedy(model);
            List<Integer> said = new ArrayList<>();
            for (int seed = 0; seed < 4; seed++) {
                Answer answer = answer(session, options, text(seed, 40));
                assertThat(answer.tokens()).isEqualTo(without(model, options, text(seed, 40)));
                assertThat(answer.stats().drafted()).isPositive();
                assertThat(answer.stats().accepted()).isLessThan(answer.stats().drafted());
                said.add(answer.tokens().length);
            }
            assertThat(said).containsOnly(ANSWER);
        }
    }

    @Test
    void aFullContextMakesRoom() throws IOException {
        try (LlamaModel model = LlamaModel.load(foreseen("glm4moe", 0), PLAIN)) {
            GenerationOptions options =
                    greedy(model).withMaxTokens(150).withContextFull(ContextFull.SHIFT);
            SessionOptions small = OPTIONS.withContextSize(256);
            int[] prompt = text(3, 200);
            int[] expected;
            try (LlamaSession session = model.newSession(small.withSpeculation(Speculation.OFF))) {
                expected = answer(session, options, prompt).tokens();
            }
            try (LlamaSession session = model.newSession(small.withSpeculation(Speculation.MTP))) {
                Answer answer = answer(session, options, prompt);
                assertThat(answer.tokens()).hasSize(150).isEqualTo(expected);
                assertThat(answer.stats().tokensPerPass()).isGreaterThan(2);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"qwen35", "glm4moe"})
    void aSavedSessionGoesOn(String name) throws IOException {
        Path file = folder.resolve("saved.session");
        try (LlamaModel model = LlamaModel.load(foreseen(name, 0), PLAIN)) {
            GenerationOptions options = greedy(model);
            int[] tokens;
            try (LlamaSession session =
                    model.newSession(OPTIONS.withSpeculation(Speculation.MTP))) {
                answer(session, options, text(4, 70));
                session.save(file);
                tokens = session.tokens();
            }
            int[] prompt = Arrays.copyOf(tokens, tokens.length + 3);
            try (LlamaSession session =
                    model.newSession(OPTIONS.withSpeculation(Speculation.MTP))) {
                session.restore(file);
                assertThat(session.tokens()).isEqualTo(tokens);
                Answer answer = answer(session, options, prompt);
                assertThat(answer.tokens()).isEqualTo(without(model, options, prompt));
                assertThat(answer.stats().accepted()).isPositive();
            }
        }
    }

    @Test
    void conversationsShareThePasses() throws Exception {
        try (LlamaModel model = LlamaModel.load(foreseen("glm4moe", 0), PLAIN);
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            GenerationOptions options = greedy(model);
            SessionOptions shared =
                    OPTIONS.withContextSize(1024).withSequences(4).withSpeculation(Speculation.MTP);
            try (LlamaSession first = model.newSession(shared)) {
                answer(first, options, text(5, 40));
                List<LlamaSession> sessions =
                        List.of(first, first.fork(), model.newSession(shared), first.fork());
                List<Future<Answer>> answers = new ArrayList<>();
                for (int i = 0; i < sessions.size(); i++) {
                    int seed = i;
                    answers.add(
                            threads.submit(
                                    () -> answer(sessions.get(seed), options, text(5 + seed, 40))));
                }
                for (int i = 0; i < sessions.size(); i++) {
                    Answer answer = answers.get(i).get();
                    assertThat(answer.tokens()).isEqualTo(without(model, options, text(5 + i, 40)));
                    assertThat(answer.stats().tokensPerPass()).isGreaterThan(2);
                }
                sessions.forEach(LlamaSession::close);
            }
        }
    }

    /** A model with a recurrent state can't take back different numbers of tokens in one pass. */
    @Test
    void recurrentConversationsThatShareAPassDoNotDraft() throws IOException {
        try (LlamaModel model = LlamaModel.load(foreseen("qwen35", 0), PLAIN);
                LlamaSession session =
                        model.newSession(
                                OPTIONS.withSequences(2).withSpeculation(Speculation.MTP))) {
            assertThat(session.options().speculation()).isEqualTo(Speculation.OFF);
        }
    }

    @Test
    void aModelThatStreamsDraftsToo() throws IOException {
        assumeTrue(
                System.getProperty("os.name").equals("Linux"), "residency is only known on Linux");
        Path path = foreseen("qwen35", 2 * SIZE);
        int[] prompt = text(6, 50);
        GenerationOptions options;
        int[] expected;
        try (LlamaModel model = LlamaModel.load(path, PLAIN)) {
            options = greedy(model);
            expected = without(model, options, prompt);
        }
        int attempts = 0;
        while (!draftsStreamed(path, options, prompt, expected)) {
            assertThat(++attempts).isLessThan(8);
        }
    }

    /** Returns false if the process itself took much more or less RAM than just before. */
    private static boolean draftsStreamed(
            Path path, GenerationOptions options, int[] prompt, int[] expected) throws IOException {
        long ram = SmallRam.forWeights(Files.size(path) / 2);
        ModelOptions streamed = PLAIN.withMtp(false).withLoadMode(LoadMode.AUTO).withRam(ram);
        try (LlamaModel model = LlamaModel.load(path, streamed)) {
            if (model.residency().isEmpty()) {
                return false;
            }
            try (LlamaSession session =
                    model.newSession(OPTIONS.withSpeculation(Speculation.MTP))) {
                Answer answer = answer(session, options, prompt);
                assertThat(answer.tokens()).isEqualTo(expected);
                assertThat(answer.stats().tokensPerPass()).isGreaterThan(1.5);
            }
            try (LlamaSession session =
                    model.newSession(OPTIONS.withSpeculation(Speculation.OFF))) {
                assertThat(answer(session, options, prompt).tokens()).isEqualTo(expected);
            }
            return true;
        } catch (ModelLoadException | SessionException | DecodeException e) {
            assertThat(e).hasMessageContaining("RAM");
            return false;
        }
    }

    /** Copies of a recurrent state take memory, which small RAM needs for weights. */
    @Test
    void whereRamIsShortASessionThatOpensCanBeUsed() throws IOException {
        assumeTrue(
                System.getProperty("os.name").equals("Linux"), "residency is only known on Linux");
        Path path = foreseen("qwen35", 2 * SIZE);
        int[] prompt = text(8, 20);
        GenerationOptions options;
        int[] expected;
        // Also so that what the process itself takes at first is there when RAM is measured.
        try (LlamaModel model = LlamaModel.load(path, PLAIN)) {
            options = greedy(model).withMaxTokens(8);
            expected = without(model, options, prompt);
        }
        long least = PlanRules.leastRam(Weights.of(ModelFiles.read(path)));
        // The process itself takes more and less RAM meanwhile, so that no amount is just enough;
        // but a session that takes too much itself fails each time.
        boolean answered = false;
        int opened = 0;
        for (long more = 12L << 20; !answered; more += opened > 0 ? 0 : 4L << 20) {
            assertThat(more).isLessThan(256L << 20);
            assertThat(opened).isLessThan(10);
            long ram = SmallRam.forWeights(least + more);
            ModelOptions streamed = PLAIN.withMtp(false).withLoadMode(LoadMode.AUTO).withRam(ram);
            try (LlamaModel model = LlamaModel.load(path, streamed);
                    LlamaSession session = openOrNull(model)) {
                assertThat(model.supportsMtp()).isTrue();
                if (session != null) {
                    opened++;
                    Answer answer = answer(session, options, prompt);
                    assertThat(answer.tokens()).hasSize(8).isEqualTo(expected);
                    answered = true;
                }
            } catch (ModelLoadException | DecodeException e) {
                assertThat(e).hasMessageContaining("RAM");
            }
        }
    }

    private static @Nullable LlamaSession openOrNull(LlamaModel model) {
        try {
            return model.newSession(OPTIONS);
        } catch (SessionException e) {
            assertThat(e).hasMessageContaining("of RAM are left");
            return null;
        }
    }

    @Test
    void aServerDraftsByTheModelItself() throws Exception {
        try (LlamaModel model = LlamaModel.load(foreseen("qwen35", 0), PLAIN)) {
            JsonNode with = completion(model, "--spec-type", "draft-mtp");
            JsonNode without = completion(model, "--spec-type", "none");
            assertThat(with.path("content")).isEqualTo(without.path("content"));
            assertThat(with.path("tokens_predicted").asInt()).isEqualTo(40);
            assertThat(with.path("timings").path("draft_n_accepted").asInt()).isGreaterThan(20);
            assertThat(without.path("timings").has("draft_n_accepted")).isFalse();
        }
    }

    private static JsonNode completion(LlamaModel model, String... options) throws Exception {
        ServerOptions all =
                ServerOptions.defaults()
                        .with("--threads", "1", "--parallel", "1", "--ctx-size", "512")
                        .withAddress("127.0.0.1", 0)
                        .with(options);
        try (LlamaServer server = LlamaServer.start(model, all);
                HttpClient client = HttpClient.newHttpClient()) {
            String body =
                    "{\"prompt\": \"One, two\", \"n_predict\": 40, \"temperature\": 0, "
                            + "\"ignore_eos\": true}";
            HttpResponse<String> response =
                    client.send(
                            HttpRequest.newBuilder(
                                            server.addresses().getFirst().resolve("/completion"))
                                    .POST(BodyPublishers.ofString(body))
                                    .build(),
                            BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            return Json.read(response.body());
        }
    }

    @Test
    void thePlanKeepsWhatDraftsRead() throws IOException {
        Weights weights =
                Weights.of(
                        ModelFiles.read(
                                Architectures.write(
                                        folder, Architecture.of("qwen35").ofSize(SIZE))));
        PieceMap map = new PieceMap(weights);
        long ram = weights.loadedSize() / 2;
        long window = PlanRules.workingWindow(map, ram);
        BitSet keep = new BitSet();
        PlanRules.plan(map, ram, window, true, keep);
        for (int weight = 0; weight < weights.all().size(); weight++) {
            if (weights.all().get(weight).name().equals("output.weight")) {
                for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
                    assertThat(keep.get(piece)).as("piece %d", piece).isTrue();
                }
            }
        }
        long kept = keep.stream().mapToLong(map::length).sum();
        assertThat(kept + window + weights.size(Weight.Use.DRAFTS)).isLessThanOrEqualTo(ram);
    }

    @Test
    void aModelWithoutSuchLayersDoesNotDraft() throws IOException {
        Path path = Architectures.write(folder, "deepseek2");
        try (LlamaModel model = LlamaModel.load(path, PLAIN)) {
            assertThat(model.supportsMtp()).isFalse();
            assertThatThrownBy(() -> model.newSession(OPTIONS.withSpeculation(Speculation.MTP)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessage(
                            path
                                    + " has no layers that predict further tokens (MTP) and can"
                                    + " draft here, or was loaded without them; see"
                                    + " ModelOptions.withMtp");
        }
    }
}
