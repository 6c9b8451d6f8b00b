package io.github.bigllama.internal.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.bigllama.core.Adapter;
import io.github.bigllama.core.Embedder;
import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.LlamaModel;
import io.github.bigllama.core.LlamaSession;
import io.github.bigllama.core.Reranker;
import io.github.bigllama.core.SpeculationStats;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.ContextFull;
import io.github.bigllama.core.option.EmbeddingOptions;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.KvType;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.RerankingOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.residency.AvailableRam;
import io.github.bigllama.core.residency.Residency;
import io.github.bigllama.core.residency.ResidencyStats;
import io.github.bigllama.internal.synthetic.InflatedModel;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import io.github.bigllama.testing.AdapterGguf;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.SmallRam;
import io.github.bigllama.testing.WarmUp;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Models that do not fit into their RAM give exactly the same answers as when they fit. */
class PagedAnswersTest {
    private static final long DENSE = 150_000_000;
    private static final SessionOptions OPTIONS =
            SessionOptions.defaults().withContextSize(512).withThreads(2, 2);

    @TempDir static Path folder;

    private static Path dense;
    private static Path experts;

    @BeforeAll
    static void write() throws IOException {
        dense = folder.resolve("dense.gguf");
        InflatedModel.write(DemoModel.PATH, DENSE, dense, fraction -> true);
        experts = folder.resolve("experts.gguf");
        Shape shape = new Shape("qwen3moe", 8, 512, 512, 8, 2, 64, 64, 4, false);
        RandomModel.write(experts, shape, Gguf.read(DemoModel.PATH), false, fraction -> true);
    }

    @BeforeEach
    void onlyWhereThereIsAPager() {
        assumeTrue(
                System.getProperty("os.name").equals("Linux"), "residency is only known on Linux");
    }

    /** The approximate RAM for weights when the process has this much. */
    private static ModelOptions withRamForWeights(long bytes) {
        return ModelOptions.defaults().withRam(SmallRam.forWeights(bytes));
    }

    @Test
    void anInflatedModelSaysTheSame() {
        try (LlamaModel model = LlamaModel.load(dense)) {
            assertThat(model.residency()).isEmpty();
            assertThat(answer(model, "What is the capital of Iceland?"))
                    .isEqualTo("The capital of Iceland is Reykjavík.");
            assertThat(model.layerCount()).isGreaterThan(2);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {80, 50})
    void aDenseModelSaysTheSame(int percent) throws IOException {
        try (LlamaModel model =
                LlamaModel.load(dense, withRamForWeights(Files.size(dense) * percent / 100))) {
            assertThat(model.residency()).isPresent();
            assertThat(answer(model, "What is the capital of France?"))
                    .isEqualTo("The capital of France is Paris.");
            assertThat(answer(model, "Give me the capital of Brazil as JSON."))
                    .isEqualTo("{\"country\": \"Brazil\", \"capital\": \"Brasília\"}");
        }
    }

    @Test
    void vectorsOfTextsAreTheSame() throws IOException {
        List<String> texts = List.of("The capital of France is Paris.", "One, two, three.");
        EmbeddingOptions options = EmbeddingOptions.defaults().withThreads(2);
        for (Path file : List.of(dense, experts)) {
            List<float[]> expected;
            try (LlamaModel model = LlamaModel.load(file);
                    Embedder embedder = model.newEmbedder(options)) {
                expected = embedder.embed(texts);
            }
            try (LlamaModel model = LlamaModel.load(file, withRamForWeights(Files.size(file) / 2));
                    Embedder embedder = model.newEmbedder(options)) {
                assertThat(model.residency()).isPresent();
                assertThat(embedder.embed(texts).getFirst()).isEqualTo(expected.getFirst());
                assertThat(embedder.embed(texts).getLast()).isEqualTo(expected.getLast());
            }
        }
    }

    @Test
    void scoresOfDocumentsAreTheSame() throws IOException {
        Path file = folder.resolve("reranker.gguf");
        Shape shape = Shape.reranker(99_000_000);
        RandomModel.write(file, shape, Gguf.read(DemoModel.PATH), false, fraction -> true);
        List<String> documents = List.of("Paris is the capital of France.", "One, two, three.");
        RerankingOptions options = RerankingOptions.defaults().withThreads(2).withBatchSize(128);
        List<float[]> expected;
        try (LlamaModel model = LlamaModel.load(file);
                Reranker reranker = model.newReranker(options)) {
            expected = reranker.score("What is the capital?", documents);
            assertThat(expected.getFirst()).isNotEqualTo(expected.getLast());
        }
        try (LlamaModel model = LlamaModel.load(file, withRamForWeights(Files.size(file) / 2));
                Reranker reranker = model.newReranker(options)) {
            assertThat(model.residency()).isPresent();
            for (int i = 0; i < 2; i++) {
                List<float[]> paged = reranker.score("What is the capital?", documents);
                assertThat(paged.getFirst()).isEqualTo(expected.getFirst());
                assertThat(paged.getLast()).isEqualTo(expected.getLast());
            }
        }
    }

    @Test
    void aSessionThatTakesTheRamOfTheWeightsHasThemPaged() throws IOException {
        try (LlamaModel model =
                LlamaModel.load(dense, withRamForWeights(Files.size(dense) * 110 / 100))) {
            assertThat(model.residency()).isEmpty();
            assertThat(answer(model, "What is the capital of France?"))
                    .isEqualTo("The capital of France is Paris.");
            SessionOptions large =
                    OPTIONS.withContextSize(1536).withKvTypes(KvType.F32, KvType.F32);
            try (LlamaSession session = model.newSession(large)) {
                assertThat(model.residency()).isPresent();
                session.decode(1, 2, 3);
                assertThat(session.lastPass()).isPresent();
            }
        }
    }

    /** While a user still types, what is to stay is read. */
    @Test
    void whatStaysIsReadBeforeTheFirstPass() throws IOException, InterruptedException {
        for (Path file : List.of(dense, experts)) {
            try (LlamaModel model = LlamaModel.load(file, withRamForWeights(Files.size(file) / 2));
                    LlamaSession session = model.newSession(OPTIONS)) {
                Residency residency = model.residency().orElseThrow();
                WarmUp.await(residency);
                session.decode(1, 2, 3);
                assertThat(residency.lastPass()).isPresent();
            }
        }
    }

    @Test
    void saysWhatWasRead() throws IOException {
        try (LlamaModel model = LlamaModel.load(dense, withRamForWeights(Files.size(dense) / 2));
                LlamaSession session = model.newSession(OPTIONS);
                TokenStream answer =
                        new Chat(session)
                                .send(
                                        "What is the capital of France?",
                                        GenerationOptions.greedy())) {
            answer.text();
            ResidencyStats stats = answer.stats().residency().orElseThrow();
            SpeculationStats guesses = answer.stats().speculation().orElseThrow();
            assertThat(stats.passes()).isEqualTo(guesses.passes());
            assertThat(guesses.passes() + guesses.accepted())
                    .isEqualTo(answer.stats().decodedTokens());
            assertThat(stats.bytesPerToken())
                    .isBetween(DENSE / 10, model.residency().orElseThrow().plan().active());
            assertThat(stats.residentShare()).isBetween(0.1, 0.95);
            assertThat(stats.readBytesPerSecond()).isPositive();
        }
    }

    /** Prompts that use most experts, tokens that use few, at several budgets. */
    @ParameterizedTest
    @ValueSource(ints = {80, 60})
    void aModelWithExpertsSaysTheSame(int percent) throws IOException {
        int[] prompt = tokens(40, 7);
        List<int[]> expected;
        try (LlamaModel model = LlamaModel.load(experts)) {
            assertThat(model.residency()).isEmpty();
            expected = List.of(generate(model, prompt, 24), generate(model, tokens(3, 9), 24));
        }
        try (LlamaModel model =
                LlamaModel.load(experts, withRamForWeights(Files.size(experts) * percent / 100))) {
            assertThat(model.residency().orElseThrow().plan().experts()).isPositive();
            assertThat(generate(model, prompt, 24)).isEqualTo(expected.get(0));
            assertThat(generate(model, tokens(3, 9), 24)).isEqualTo(expected.get(1));
        }
    }

    /** Adapters stay in memory beside the weights, whose order of use is the same with them. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void adaptersChangeTheSame(boolean hasExperts) throws IOException {
        Path file = hasExperts ? experts : dense;
        Path adapter =
                AdapterGguf.random(
                        folder.resolve("adapter.gguf"),
                        file,
                        GgmlType.F16,
                        name -> name.startsWith("blk.") && !name.contains("norm"),
                        hasExperts ? 0.5f : 0.1f);
        int[] prompt = tokens(40, 7);
        List<int[]> expected = new ArrayList<>();
        try (LlamaModel model = LlamaModel.load(file)) {
            assertThat(model.residency()).isEmpty();
            expected.addAll(adapted(model, adapter, prompt));
        }
        assertThat(expected.get(0)).isNotEqualTo(expected.get(1));
        assertThat(expected.get(2)).isEqualTo(expected.get(1));
        try (LlamaModel model = LlamaModel.load(file, withRamForWeights(Files.size(file) / 2))) {
            assertThat(model.residency()).isPresent();
            List<int[]> actual = adapted(model, adapter, prompt);
            for (int i = 0; i < 3; i++) {
                assertThat(actual.get(i)).isEqualTo(expected.get(i));
            }
            assertThat(model.residency().orElseThrow().stats().residentShare())
                    .isBetween(0.1, 0.95);
        }
    }

    /** Tokens with an adapter, without, and with one of scale 0. */
    private static List<int[]> adapted(LlamaModel model, Path file, int[] prompt) {
        List<int[]> all = new ArrayList<>();
        try (LlamaSession session = model.newSession(OPTIONS);
                Adapter adapter = model.loadAdapter(file)) {
            for (float scale : new float[] {1, 0}) {
                session.setAdapters(Map.of(adapter, scale));
                all.add(generate(session, prompt, 12));
                session.setAdapters(Map.of());
            }
            all.add(generate(session, prompt, 12));
        }
        return all;
    }

    /** Moving what is in the KV cache is a computation too, without weights. */
    @Test
    void aFullContextMakesRoom() throws IOException {
        String expected;
        try (LlamaModel model = LlamaModel.load(dense)) {
            expected = longConversation(model);
        }
        try (LlamaModel model = LlamaModel.load(dense, withRamForWeights(Files.size(dense) / 2))) {
            assertThat(model.residency()).isPresent();
            assertThat(longConversation(model)).isEqualTo(expected);
        }
    }

    private static String longConversation(LlamaModel model) {
        StringBuilder said = new StringBuilder();
        try (LlamaSession session = model.newSession(OPTIONS.withContextSize(256))) {
            Chat chat = new Chat(session);
            for (int i = 0; i < 8; i++) {
                GenerationOptions options =
                        GenerationOptions.greedy()
                                .withMaxTokens(50)
                                .withContextFull(ContextFull.SHIFT);
                String question = i % 6 == 1 ? "Tell me a story." : "Name three colours.";
                said.append(chat.send(question, options).text()).append('\n');
            }
            assertThat(chat.forgottenMessages()).isPositive();
        }
        return said.toString();
    }

    @Test
    void twoSessionsAtOnceSayTheSame() throws Exception {
        try (LlamaModel model = LlamaModel.load(dense, withRamForWeights(Files.size(dense) / 2))) {
            List<CompletableFuture<String>> answers = new ArrayList<>();
            for (String country : List.of("France", "Iceland")) {
                answers.add(
                        CompletableFuture.supplyAsync(
                                () ->
                                        answer(
                                                model,
                                                "What is the capital of %s?".formatted(country))));
            }
            assertThat(answers.get(0).get(120, TimeUnit.SECONDS))
                    .isEqualTo("The capital of France is Paris.");
            assertThat(answers.get(1).get(120, TimeUnit.SECONDS))
                    .isEqualTo("The capital of Iceland is Reykjavík.");
        }
    }

    @Test
    void conversationsReadTheWeightsOnceForAll() throws Exception {
        List<String> countries = List.of("France", "Iceland", "Norway", "Japan");
        List<String> capitals = List.of("Paris", "Reykjavík", "Oslo", "Tokyo");
        SessionOptions options = OPTIONS.withSequences(4);
        try (LlamaModel model = LlamaModel.load(dense, withRamForWeights(Files.size(dense) / 2))) {
            List<LlamaSession> sessions =
                    countries.stream().map(country -> model.newSession(options)).toList();
            List<CompletableFuture<GenerationStats>> answers = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                int conversation = i;
                answers.add(
                        CompletableFuture.supplyAsync(
                                () -> {
                                    Chat chat = new Chat(sessions.get(conversation));
                                    String question =
                                            "What is the capital of %s?"
                                                    .formatted(countries.get(conversation));
                                    try (TokenStream answer =
                                            chat.send(question, GenerationOptions.greedy())) {
                                        assertThat(answer.text())
                                                .endsWith(
                                                        " is %s."
                                                                .formatted(
                                                                        capitals.get(
                                                                                conversation)));
                                        return answer.stats();
                                    }
                                },
                                task -> Thread.ofVirtual().start(task)));
            }
            int tokens = 0;
            int passes = 0;
            for (CompletableFuture<GenerationStats> answer : answers) {
                GenerationStats stats = answer.get(120, TimeUnit.SECONDS);
                tokens += stats.decodedTokens();
                passes = Math.max(passes, stats.residency().orElseThrow().passes());
            }
            assertThat(passes).isLessThan(tokens / 2);
            sessions.forEach(LlamaSession::close);
        }
    }

    @Test
    void aFileThatIsCutShortIsAnErrorForAllWhoShareThePass() throws Exception {
        Path copy = folder.resolve("shared.gguf");
        Files.copy(dense, copy);
        try (LlamaModel model = LlamaModel.load(copy, withRamForWeights(Files.size(copy) / 2));
                LlamaSession one = model.newSession(OPTIONS.withSequences(2));
                LlamaSession two = model.newSession(OPTIONS.withSequences(2));
                RandomAccessFile file = new RandomAccessFile(copy.toFile(), "rw")) {
            file.setLength(file.length() / 2);
            List<CompletableFuture<Void>> failures = new ArrayList<>();
            for (LlamaSession session : List.of(one, two)) {
                failures.add(
                        CompletableFuture.runAsync(
                                () ->
                                        assertThatThrownBy(() -> session.decode(1, 2, 3))
                                                .isInstanceOf(DecodeException.class)
                                                .hasMessageContaining("shared.gguf"),
                                task -> Thread.ofVirtual().start(task)));
            }
            for (CompletableFuture<Void> failure : failures) {
                failure.get(60, TimeUnit.SECONDS);
            }
            assertThat(one.contextUsed() + two.contextUsed()).isZero();
        } finally {
            Files.delete(copy);
        }
    }

    @Test
    void anAnswerThatIsCancelledInTheMiddleLeavesTheModelUsable() throws IOException {
        try (LlamaModel model = LlamaModel.load(dense, withRamForWeights(Files.size(dense) / 2));
                LlamaSession session = model.newSession(OPTIONS)) {
            List<Integer> seen = new ArrayList<>();
            TokenStream[] stream = new TokenStream[1];
            GenerationOptions options =
                    GenerationOptions.greedy()
                            .withProgress(
                                    (done, total) -> {
                                        seen.add(done);
                                        if (done > 0) {
                                            stream[0].cancel();
                                        }
                                    });
            stream[0] = session.generate(tokens(100, 5), options);
            assertThat(stream[0].text()).isEmpty();
            assertThat(stream[0].stopReason()).contains(StopReason.CANCELLED);
            assertThat(seen.getLast()).isLessThan(100);
            session.reset();
            Chat chat = new Chat(session);
            try (TokenStream answer =
                    chat.send("What is the capital of France?", GenerationOptions.greedy())) {
                assertThat(answer.text()).isEqualTo("The capital of France is Paris.");
            }
        }
    }

    /** Even for a model that fits. */
    @ParameterizedTest
    @ValueSource(ints = {50, 500})
    void aFileThatIsCutShortIsADecodeException(int percent) throws IOException {
        Path copy = folder.resolve("copy.gguf");
        Files.copy(dense, copy);
        try (LlamaModel model =
                        LlamaModel.load(copy, withRamForWeights(Files.size(copy) / 100 * percent));
                LlamaSession session = model.newSession(OPTIONS)) {
            session.decode(1, 2, 3);
            try (RandomAccessFile file = new RandomAccessFile(copy.toFile(), "rw")) {
                file.setLength(file.length() / 2);
            }
            assertThatThrownBy(() -> session.decode(4))
                    .isInstanceOf(DecodeException.class)
                    .hasMessageContaining("copy.gguf")
                    .hasMessageContaining("shorter");
        } finally {
            Files.delete(copy);
        }
    }

    @Test
    void tooLittleRamIsAnErrorThatSaysHowMuchWouldDo() {
        ModelOptions little = ModelOptions.defaults().withRam(AvailableRam.anonymousBytes());
        assertThatThrownBy(() -> LlamaModel.load(dense, little))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("dense.gguf")
                .hasMessageMatching(".*at least [0-9.]+ GB are needed.*");
    }

    private static String answer(LlamaModel model, String question) {
        try (LlamaSession session = model.newSession(OPTIONS);
                TokenStream answer = new Chat(session).send(question, GenerationOptions.greedy())) {
            return answer.text();
        }
    }

    private static int[] generate(LlamaModel model, int[] prompt, int count) {
        try (LlamaSession session = model.newSession(OPTIONS)) {
            return generate(session, prompt, count);
        }
    }

    private static int[] generate(LlamaSession session, int[] prompt, int count) {
        try (TokenStream answer =
                session.generate(prompt, GenerationOptions.greedy().withMaxTokens(count))) {
            answer.text();
            return answer.tokens();
        }
    }

    /** Tokens that are not control tokens. */
    private static int[] tokens(int count, int seed) {
        int[] tokens = new int[count];
        for (int i = 0; i < count; i++) {
            tokens[i] = 300 + (i * 37 + seed * 101) % 500;
        }
        return tokens;
    }
}
