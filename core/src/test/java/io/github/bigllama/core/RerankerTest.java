package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.core.exception.DecodeException;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.RerankingOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TinyBert;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Scores of documents, by a tiny BERT and a random model of the shape of Qwen3-Reranker. */
@Timeout(120)
class RerankerTest {
    private static final RerankingOptions OPTIONS = RerankingOptions.defaults().withThreads(1);
    private static final JsonMapper MAPPER = new JsonMapper();
    private static final String QUERY = "what is a llama?";
    private static final List<String> DOCUMENTS =
            List.of(
                    "a llama is an animal of the andes.",
                    "paris is the capital of france.",
                    "",
                    "one, two, three, four; and so on, until somebody falls asleep.");

    @TempDir private static Path folder;

    private static LlamaModel bert;
    private static LlamaModel qwen;

    @BeforeAll
    static void load() throws IOException {
        bert = LlamaModel.load(TinyBert.reranker(folder.resolve("bert.gguf")));
        Path file = folder.resolve("qwen3.gguf");
        RandomModel.write(
                file, Shape.reranker(2_000_000), Gguf.read(DemoModel.PATH), false, done -> true);
        qwen = LlamaModel.load(file);
    }

    @AfterAll
    static void close() {
        bert.close();
        qwen.close();
    }

    private static List<float[]> scores(LlamaModel model, String query, List<String> documents) {
        try (Reranker reranker = model.newReranker(OPTIONS)) {
            return reranker.score(query, documents);
        }
    }

    private static JsonNode post(LlamaServer server, String path, Map<String, ?> body)
            throws IOException, InterruptedException {
        HttpResponse<String> answer =
                HttpClient.newHttpClient()
                        .send(
                                HttpRequest.newBuilder(server.addresses().getFirst().resolve(path))
                                        .POST(
                                                HttpRequest.BodyPublishers.ofString(
                                                        MAPPER.writeValueAsString(body)))
                                        .build(),
                                HttpResponse.BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return MAPPER.readTree(answer.body());
    }

    private static LlamaServer serve(LlamaModel model, String... options) {
        return LlamaServer.start(
                model,
                ServerOptions.defaults()
                        .with(options)
                        .withAddress("127.0.0.1", 0)
                        .with("--threads", "1"));
    }

    /** What llama.cpp's own server says of the same file. */
    private static double[] ofServer(LlamaModel model, String query, List<String> documents)
            throws IOException, InterruptedException {
        try (LlamaServer server = serve(model, "--reranking")) {
            JsonNode results =
                    post(server, "/v1/rerank", Map.of("query", query, "documents", documents))
                            .get("results");
            double[] scores = new double[documents.size()];
            results.forEach(
                    each ->
                            scores[each.get("index").intValue()] =
                                    each.get("relevance_score").doubleValue());
            assertThat(results).hasSize(documents.size());
            return scores;
        }
    }

    private static void areThoseOfTheServer(LlamaModel model, double tolerance)
            throws IOException, InterruptedException {
        double[] expected = ofServer(model, QUERY, DOCUMENTS);
        List<float[]> scores = scores(model, QUERY, DOCUMENTS);
        for (int i = 0; i < expected.length; i++) {
            assertThat((double) scores.get(i)[0])
                    .as(DOCUMENTS.get(i))
                    .isCloseTo(expected[i], within(tolerance));
        }
        // Else the comparison would say nothing.
        double[] sorted = Arrays.stream(expected).sorted().toArray();
        assertThat(sorted[sorted.length - 1] - sorted[0]).isGreaterThan(20 * tolerance);
        assertThat(sorted).doesNotHaveDuplicates();
    }

    @Test
    void aNullIsNamed() {
        try (Reranker reranker = bert.newReranker(OPTIONS)) {
            assertThatThrownBy(() -> reranker.score(QUERY, (String) null))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessage("document");
            assertThatThrownBy(() -> reranker.score(QUERY, (List<String>) null))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessage("documents");
            assertThatThrownBy(() -> reranker.score(null, DOCUMENTS))
                    .isInstanceOf(NullPointerException.class)
                    .hasMessage("query");
        }
    }

    @Test
    void aBertScoresAsInLlamaCppsServer() throws Exception {
        areThoseOfTheServer(bert, 1e-4);
    }

    /** Q8_0, so that scores depend on what else is in a pass. */
    @Test
    void aModelWithATemplateScoresAsInLlamaCppsServer() throws Exception {
        areThoseOfTheServer(qwen, 2e-3);
    }

    @Test
    void scoresHaveTheNamesOfTheFile() throws Exception {
        try (Reranker reranker = qwen.newReranker(OPTIONS)) {
            assertThat(reranker.labels()).containsExactly("yes", "no");
            float[] scores = reranker.score(QUERY, DOCUMENTS.getFirst());
            assertThat(scores[0] + scores[1]).isCloseTo(1, within(1e-5f));
        }
        try (Reranker reranker = bert.newReranker(OPTIONS)) {
            assertThat(reranker.labels()).containsExactly("0");
            assertThat(reranker.score(QUERY, DOCUMENTS.getFirst())).hasSize(1);
        }
        Path file = TinyBert.reranker(folder.resolve("three.gguf"), "bad", "", "good");
        try (LlamaModel three = LlamaModel.load(file);
                Reranker reranker = three.newReranker(OPTIONS)) {
            assertThat(reranker.labels()).containsExactly("bad", "1", "good");
            List<float[]> together = reranker.score(QUERY, DOCUMENTS);
            for (int i = 0; i < DOCUMENTS.size(); i++) {
                float[] alone = reranker.score(QUERY, DOCUMENTS.get(i));
                assertThat(together.get(i)).hasSize(3).containsExactly(alone, within(1e-4f));
            }
        }
    }

    /** More documents than a pass computes, and none of them mixed up with another. */
    @Test
    void manyDocumentsKeepTheirOrder() {
        List<String> documents =
                IntStream.range(0, 150).mapToObj(i -> "the number " + i * i).toList();
        try (Reranker reranker = bert.newReranker(OPTIONS)) {
            List<float[]> all = reranker.score(QUERY, documents);
            assertThat(all).hasSize(150);
            assertThat(all.stream().map(score -> score[0]).distinct().count()).isGreaterThan(140);
            for (int i : new int[] {0, 1, 31, 32, 149}) {
                assertThat(all.get(i))
                        .containsExactly(reranker.score(QUERY, documents.get(i)), within(1e-4f));
            }
            assertThat(reranker.score(QUERY, List.of())).isEmpty();
        }
    }

    @Test
    void whatReadsLikeAControlTokenOrAPlaceholderIsText() {
        List<String> plain = List.of("{query}", "a {document}", "<|im_end|>");
        List<float[]> scores = scores(qwen, "{document}", plain);
        List<float[]> replaced = scores(qwen, "x", List.of("x", "a x", ""));
        for (int i = 0; i < plain.size(); i++) {
            assertThat(scores.get(i)[0]).isNotCloseTo(replaced.get(i)[0], within(1e-3f));
        }
        int[] end = qwen.tokenizer().encode("<|im_end|>", false, true);
        assertThat(end).hasSize(1);
        int withEnd;
        try (Reranker reranker = qwen.newReranker(OPTIONS.withBatchSize(64))) {
            withEnd = tokensOf(reranker, "<|im_end|> ".repeat(40));
            assertThat(withEnd - tokensOf(reranker, "x ".repeat(40))).isGreaterThan(40);
        }
    }

    private static int tokensOf(Reranker reranker, String tooLong) {
        try {
            reranker.score(QUERY, tooLong);
        } catch (PromptTooLongException e) {
            return e.promptTokens();
        }
        throw new AssertionError("it is not too long");
    }

    @Test
    void aDocumentThatIsTooLongIsRefusedOrCut() {
        String tooLong = DOCUMENTS.getFirst().repeat(20);
        for (LlamaModel model : List.of(bert, qwen)) {
            RerankingOptions small = OPTIONS.withBatchSize(100);
            try (Reranker reranker = model.newReranker(small)) {
                assertThat(reranker.maxTokens()).isEqualTo(100);
                assertThatThrownBy(() -> reranker.score(QUERY, List.of("a", tooLong)))
                        .isInstanceOf(PromptTooLongException.class)
                        .hasMessageContainingAll(
                                "document 2 with the query has", "100", "withTruncate")
                        .satisfies(
                                e -> assertThat(((PromptTooLongException) e).text()).isEqualTo(1));
            }
            try (Reranker reranker = model.newReranker(small.withTruncate(true))) {
                float[] cut = reranker.score(QUERY, tooLong);
                List<float[]> starts = new ArrayList<>();
                for (int length = 1; length < tooLong.length(); length++) {
                    starts.add(reranker.score(QUERY, tooLong.substring(0, length)));
                }
                // The longest that fits, after which all are cut to the same.
                assertThat(starts.getLast()).containsExactly(cut);
                assertThat(starts.getFirst()[0]).isNotEqualTo(cut[0]);
                assertThatThrownBy(() -> reranker.score(tooLong, "a"))
                        .isInstanceOf(PromptTooLongException.class)
                        .hasMessageContaining("the query without any document has");
                assertThat(reranker.score(QUERY, "🦙".repeat(200))).hasSizeGreaterThan(0);
            }
        }
    }

    @Test
    void threadsTakeTurnsAndAnInterruptEndsACall() {
        try (Reranker reranker = bert.newReranker(OPTIONS);
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            float[] expected = reranker.score(QUERY, DOCUMENTS.getFirst());
            List<CompletableFuture<float[]>> all =
                    IntStream.range(0, 20)
                            .mapToObj(
                                    i ->
                                            CompletableFuture.supplyAsync(
                                                    () ->
                                                            reranker.score(
                                                                    QUERY, DOCUMENTS.getFirst()),
                                                    threads))
                            .toList();
            assertThat(all).allSatisfy(one -> assertThat(one.join()).isEqualTo(expected));
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> reranker.score(QUERY, DOCUMENTS))
                    .isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();
        }
    }

    @Test
    void itMustBeClosedBeforeItsModel() {
        try (LlamaModel own = LlamaModel.load(bert.path())) {
            Reranker reranker = own.newReranker(OPTIONS);
            assertThatThrownBy(own::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("RerankerTest");
            reranker.close();
            reranker.close();
            assertThatThrownBy(() -> reranker.score(QUERY, DOCUMENTS))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("reranker of " + own.path() + " is closed");
        }
    }

    @Test
    void otherKindsOfModelsAreRefused() {
        try (LlamaModel demo = DemoModel.load()) {
            assertThatThrownBy(demo::newReranker)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContainingAll("cannot score documents", "is a language model");
            assertThatThrownBy(() -> serve(demo, "--reranking"))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("is a language model");
        }
        assertThatThrownBy(bert::newEmbedder)
                .isInstanceOf(SessionException.class)
                .hasMessageContaining("is a reranker");
        assertThatThrownBy(bert::newSession)
                .isInstanceOf(SessionException.class)
                .hasMessageContaining("is a reranker");
    }

    /** Without a head, llama.cpp would take any numbers for scores, or end the process. */
    @Test
    void aModelWithoutAHeadIsRefused() throws IOException {
        ModelOptions ranking =
                ModelOptions.defaults().withMetadataOverrides(Map.of("llama.pooling_type", 4));
        try (LlamaModel demo = LlamaModel.load(DemoModel.PATH, ranking)) {
            assertThatThrownBy(demo::newReranker)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("has no head");
        }
        RawGguf headless = TinyBert.reranker("a", "b");
        headless.tensors.removeIf(tensor -> tensor.name().startsWith("cls"));
        try (LlamaModel model = LlamaModel.load(headless.write(folder.resolve("headless.gguf")))) {
            assertThatThrownBy(model::newReranker)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("has no head");
            assertThatThrownBy(() -> serve(model, "--reranking"))
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("has no head");
        }
        RawGguf half = TinyBert.reranker("a", "b");
        half.tensors.removeIf(tensor -> tensor.name().startsWith("cls.output"));
        try (LlamaModel model = LlamaModel.load(half.write(folder.resolve("half.gguf")))) {
            assertThatThrownBy(model::newReranker)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("makes 32 scores per document, but its header names 2");
        }
    }

    /** llama.cpp would read as many numbers as a vector has. */
    @Test
    void aVectorOfAServerThatRanksIsItsScore() throws Exception {
        try (LlamaServer server = serve(bert)) {
            JsonNode vector =
                    post(server, "/v1/embeddings", Map.of("input", "a llama")).at("/data/0");
            assertThat(vector.get("embedding")).hasSize(1);
        }
    }

    @Test
    void whatIsNotANumberIsAnError() throws IOException {
        RawGguf damaged = TinyBert.reranker();
        damaged.tensors.replaceAll(
                tensor ->
                        tensor.name().equals("cls.output.bias")
                                ? new RawGguf.Tensor(
                                        tensor.name(),
                                        tensor.type(),
                                        tensor.shape(),
                                        ByteBuffer.allocate(4)
                                                .order(ByteOrder.LITTLE_ENDIAN)
                                                .putFloat(Float.NaN)
                                                .array())
                                : tensor);
        Path file = damaged.write(folder.resolve("nan.gguf"));
        try (LlamaModel model = LlamaModel.load(file);
                Reranker reranker = model.newReranker(OPTIONS)) {
            assertThatThrownBy(() -> reranker.score(QUERY, DOCUMENTS))
                    .isInstanceOf(DecodeException.class)
                    .hasMessageContainingAll("not numbers", file.toString());
        }
    }
}
