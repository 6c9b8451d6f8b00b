package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.core.option.EmbeddingOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.Pooling;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.core.option.SessionOptions;
import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.quantize.QuantizeOptions;
import io.github.bigllama.core.quantize.Quantizer;
import io.github.bigllama.testing.Architectures;
import io.github.bigllama.testing.DemoModel;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.stream.IntStream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Vectors of texts, by the demo model and, where it is there, by a real embedding model. */
class EmbedderTest {
    private static final Path REAL =
            DemoModel.PATH.resolve("../../../../../shared/real-models").normalize();
    private static final EmbeddingOptions OPTIONS = EmbeddingOptions.defaults().withThreads(1);
    private static final EmbeddingOptions RAW = OPTIONS.withNormalize(false);
    private static final String TEXT = "The capital of France is Paris.";

    @TempDir private static Path folder;

    private static LlamaModel model;

    @BeforeAll
    static void load() {
        model = LlamaModel.load(DemoModel.PATH);
    }

    @AfterAll
    static void close() {
        model.close();
    }

    @Test
    void anOverrideSaysHowToPool() {
        ModelOptions last =
                ModelOptions.defaults()
                        .withMetadataOverrides(Map.of("llama.pooling_type", Pooling.LAST.value()));
        try (LlamaModel overridden = LlamaModel.load(DemoModel.PATH, last);
                Embedder embedder = overridden.newEmbedder(OPTIONS)) {
            float[] vector = embedder.embed(TEXT);
            assertThat(vector).isEqualTo(embed(OPTIONS.withPooling(Pooling.LAST), TEXT));
            assertThat(vector).isNotEqualTo(embed(OPTIONS, TEXT));
        }
    }

    private static float[] embed(EmbeddingOptions options, String text) {
        try (Embedder embedder = model.newEmbedder(options)) {
            return embedder.embed(text);
        }
    }

    /** The vector of each token, by a session. */
    private static double[][] ofTokens(String text) {
        int[] tokens = model.tokenizer().encode(text, true, false);
        double[][] vectors = new double[tokens.length][];
        SessionOptions options =
                SessionOptions.defaults()
                        .withContextSize(256)
                        .withThreads(1, 1)
                        .withEmbeddings(true);
        try (LlamaSession session = model.newSession(options)) {
            for (int i = 0; i < tokens.length; i++) {
                session.reset();
                session.decode(Arrays.copyOf(tokens, i + 1));
                MemorySegment vector = session.embedding();
                vectors[i] = doubles(vector.toArray(ValueLayout.JAVA_FLOAT));
            }
        }
        return vectors;
    }

    private static double[] doubles(float[] floats) {
        return IntStream.range(0, floats.length).mapToDouble(i -> floats[i]).toArray();
    }

    private static double cosine(double[] a, double[] b) {
        double product = 0;
        double ofA = 0;
        double ofB = 0;
        for (int i = 0; i < a.length; i++) {
            product += a[i] * b[i];
            ofA += a[i] * a[i];
            ofB += b[i] * b[i];
        }
        return product / Math.sqrt(ofA * ofB);
    }

    private static double length(float[] vector) {
        return Math.sqrt(Arrays.stream(doubles(vector)).map(x -> x * x).sum());
    }

    @Test
    void poolsTheVectorsOfTheTokens() {
        double[][] tokens = ofTokens(TEXT);
        double[] mean =
                IntStream.range(0, tokens[0].length)
                        .mapToDouble(
                                i ->
                                        Arrays.stream(tokens)
                                                .mapToDouble(t -> t[i])
                                                .average()
                                                .orElseThrow())
                        .toArray();
        double[] ofMean = doubles(embed(RAW.withPooling(Pooling.MEAN), TEXT));
        assertThat(cosine(ofMean, mean)).isCloseTo(1, within(1e-3));
        double[] ofLast = doubles(embed(RAW.withPooling(Pooling.LAST), TEXT));
        assertThat(cosine(ofLast, tokens[tokens.length - 1])).isCloseTo(1, within(1e-3));
        double[] ofFirst = doubles(embed(RAW.withPooling(Pooling.CLS), TEXT));
        assertThat(cosine(ofFirst, tokens[0])).isCloseTo(1, within(1e-3));
        assertThat(cosine(ofFirst, ofLast)).isLessThan(0.95);
        assertThat(doubles(embed(RAW, TEXT))).isEqualTo(ofMean);
    }

    @Test
    void vectorsHaveTheLengthOneUnlessTheyAreWantedRaw() {
        assertThat(length(embed(OPTIONS, TEXT))).isCloseTo(1, within(1e-5));
        assertThat(length(embed(RAW, TEXT))).isNotCloseTo(1, within(0.1));
    }

    @Test
    void aPrefixIsPutBeforeTheText() {
        assertThat(embed(OPTIONS.withPrefix("query: "), TEXT))
                .isEqualTo(embed(OPTIONS, "query: " + TEXT));
    }

    /** Java would make a question mark of it, and the vector one of another text. */
    @Test
    void halfOfACharacterIsRefused() {
        try (Embedder embedder = model.newEmbedder(OPTIONS)) {
            for (String half : List.of("\ud800x", "x\udc00", "\ude00\ud83d")) {
                assertThatThrownBy(() -> embedder.embed(half))
                        .isInstanceOf(IllegalArgumentException.class)
                        .hasMessageContaining("half of a surrogate pair at index ");
            }
            assertThat(embedder.embed("\ud83d\ude00")).isNotEmpty();
        }
    }

    /** More texts than a pass computes, and none of them mixed up with another. */
    @Test
    void manyTextsKeepTheirOrder() {
        List<String> texts =
                IntStream.range(0, 150).mapToObj(i -> "The number " + i * i + ".").toList();
        try (Embedder embedder = model.newEmbedder(OPTIONS)) {
            List<float[]> all = embedder.embed(texts);
            assertThat(all).hasSize(150);
            for (int i : new int[] {0, 1, 31, 32, 149}) {
                assertThat(cosine(doubles(all.get(i)), doubles(embedder.embed(texts.get(i)))))
                        .isCloseTo(1, within(1e-3));
            }
            List<Integer> order = new ArrayList<>();
            embedder.embed(
                    texts,
                    (text, vector) -> {
                        order.add(text);
                        assertThat(vector.byteSize()).isEqualTo(4L * embedder.embeddingSize());
                        assertThat(vector.isReadOnly()).isTrue();
                    });
            assertThat(order).isEqualTo(IntStream.range(0, 150).boxed().toList());
            assertThat(embedder.embed(List.of())).isEmpty();
        }
    }

    @Test
    void aTextThatIsTooLongIsRefusedOrCut() {
        EmbeddingOptions small = OPTIONS.withBatchSize(32);
        String longText = TEXT.repeat(20);
        try (Embedder embedder = model.newEmbedder(small)) {
            assertThat(embedder.maxTokens()).isEqualTo(32);
            assertThatThrownBy(() -> embedder.embed(List.of(TEXT, longText)))
                    .isInstanceOf(PromptTooLongException.class)
                    .hasMessageContainingAll("text 2 has", "32", "withTruncate", "withBatchSize");
            assertThat(embedder.embed(TEXT)).hasSize(embedder.embeddingSize());
        }
        int[] tokens = model.tokenizer().encode(longText, true, false);
        String start = model.tokenizer().decode(Arrays.copyOf(tokens, 32));
        assertThat(embed(small.withTruncate(true), longText)).isEqualTo(embed(small, start));
    }

    @Test
    void threadsTakeTurns() {
        try (Embedder embedder = model.newEmbedder(OPTIONS);
                var threads = Executors.newVirtualThreadPerTaskExecutor()) {
            float[] expected = embedder.embed(TEXT);
            List<CompletableFuture<float[]>> all =
                    IntStream.range(0, 20)
                            .mapToObj(
                                    i ->
                                            CompletableFuture.supplyAsync(
                                                    () -> embedder.embed(TEXT), threads))
                            .toList();
            assertThat(all).allSatisfy(one -> assertThat(one.join()).isEqualTo(expected));
        }
    }

    @Test
    void aConsumerCanNotComputeOtherVectors() {
        try (Embedder embedder = model.newEmbedder(OPTIONS)) {
            assertThatThrownBy(
                            () ->
                                    embedder.embed(
                                            List.of(TEXT), (text, vector) -> embedder.embed(TEXT)))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("consumer");
            assertThat(embedder.embed(TEXT)).hasSize(embedder.embeddingSize());
        }
    }

    @Test
    void anInterruptEndsIt() {
        try (Embedder embedder = model.newEmbedder(OPTIONS)) {
            Thread.currentThread().interrupt();
            assertThatThrownBy(() -> embedder.embed(TEXT))
                    .isInstanceOf(CancellationException.class);
            assertThat(Thread.interrupted()).isTrue();
            assertThat(embedder.embed(TEXT)).hasSize(embedder.embeddingSize());
        }
    }

    @Test
    void itMustBeClosedBeforeItsModel() {
        try (LlamaModel own = LlamaModel.load(DemoModel.PATH)) {
            Embedder embedder = own.newEmbedder(OPTIONS);
            assertThatThrownBy(own::close)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("EmbedderTest");
            embedder.close();
            embedder.close();
            assertThatThrownBy(() -> embedder.embed(TEXT))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("closed");
        }
    }

    @Test
    void otherKindsOfModelsAreRefused() {
        ModelOptions reranker =
                ModelOptions.defaults().withMetadataOverrides(Map.of("llama.pooling_type", 4));
        try (LlamaModel ranking = LlamaModel.load(DemoModel.PATH, reranker)) {
            assertThatThrownBy(ranking::newEmbedder)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("is a reranker");
        }
        ModelOptions vocabulary = ModelOptions.defaults().withVocabularyOnly(true);
        try (LlamaModel tokenizing = LlamaModel.load(DemoModel.PATH, vocabulary)) {
            assertThatThrownBy(tokenizing::newEmbedder)
                    .isInstanceOf(SessionException.class)
                    .hasMessageContaining("without its weights");
        }
    }

    @Test
    void aRealModelGivesTheVectorsOfItsAuthors() throws IOException {
        isAsInTheReference(real(), 0.999);
    }

    @Test
    void soItDoesQuantized() throws IOException {
        Path small = folder.resolve("small.gguf");
        Quantizer.of(real(), Quantization.Q8_0, QuantizeOptions.defaults()).write(small);
        isAsInTheReference(small, 0.99);
    }

    /** llama.cpp asserts that texts of the same length fill a micro-batch. */
    @Test
    void anyBatchSizeWillDo() throws IOException {
        try (LlamaModel bert = LlamaModel.load(Architectures.write(folder, "bert"))) {
            for (int size : List.of(5, 31, 33, 100, 255, 511, 513, Integer.MAX_VALUE)) {
                try (Embedder embedder = bert.newEmbedder(OPTIONS.withBatchSize(size))) {
                    assertThat(embedder.embed("a")).hasSize(bert.embeddingSize());
                    assertThat(embedder.maxTokens())
                            .isEqualTo(Math.min(size, bert.trainedContextSize()));
                }
            }
        }
    }

    @Test
    @SuppressWarnings("try") // close is what is tested
    void aConsumerHasAVectorForTheCall() {
        try (Embedder embedder = model.newEmbedder(OPTIONS)) {
            List<MemorySegment> kept = new ArrayList<>();
            embedder.embed(List.of(TEXT), (text, vector) -> kept.add(vector));
            assertThatThrownBy(() -> kept.getFirst().get(ValueLayout.JAVA_FLOAT, 0))
                    .isInstanceOf(IllegalStateException.class);
            assertThatThrownBy(
                            () -> embedder.embed(List.of(TEXT), (text, vector) -> embedder.close()))
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("can't close the embedder");
            assertThat(embedder.embed(TEXT)).hasSize(embedder.embeddingSize());
        }
    }

    @Test
    void anEmbeddingModelIsServedAsOne() throws Exception {
        Path file = Architectures.write(folder, "bert");
        ServerOptions options =
                ServerOptions.defaults().withAddress("127.0.0.1", 0).with("--threads", "1");
        try (LlamaModel bert = LlamaModel.load(file);
                Embedder embedder = bert.newEmbedder(OPTIONS);
                LlamaServer server = LlamaServer.start(bert, options)) {
            HttpRequest request =
                    HttpRequest.newBuilder(server.addresses().getFirst().resolve("/v1/embeddings"))
                            .POST(BodyPublishers.ofString("{\"input\": \"" + TEXT + "\"}"))
                            .build();
            String answer =
                    HttpClient.newHttpClient().send(request, BodyHandlers.ofString()).body();
            double[] vector =
                    StreamSupport.stream(
                                    new JsonMapper()
                                            .readTree(answer)
                                            .at("/data/0/embedding")
                                            .spliterator(),
                                    false)
                            .mapToDouble(JsonNode::doubleValue)
                            .toArray();
            assertThat(vector).as(answer).hasSize(bert.embeddingSize());
            assertThat(cosine(vector, doubles(embedder.embed(TEXT)))).isGreaterThan(0.9999);
        }
    }

    private static Path real() {
        Path file = REAL.resolve("all-MiniLM-L6-v2-F16.gguf");
        assumeTrue(Files.exists(file), file + " is not there");
        return file;
    }

    private static void isAsInTheReference(Path file, double least) throws IOException {
        JsonNode reference =
                new JsonMapper().readTree(REAL.resolve("all-MiniLM-L6-v2-reference.json").toFile());
        try (LlamaModel real = LlamaModel.load(file);
                Embedder embedder = real.newEmbedder()) {
            List<String> texts = new ArrayList<>();
            reference.forEach(node -> texts.add(node.get("text").textValue()));
            List<float[]> vectors = embedder.embed(texts);
            int compared = 0;
            for (int i = 0; i < texts.size(); i++) {
                int[] tokens = real.tokenizer().encode(texts.get(i), true, false);
                // llama.cpp's tokenizer drops the vowels of Hangul.
                boolean isKorean =
                        texts.get(i).codePoints().anyMatch(c -> c >= 0xac00 && c <= 0xd7a3);
                if (tokens.length == reference.get(i).get("tokens").intValue() && !isKorean) {
                    List<Double> expected = new ArrayList<>();
                    reference.get(i).get("vector").forEach(x -> expected.add(x.doubleValue()));
                    double[] ofReference =
                            expected.stream().mapToDouble(Double::doubleValue).toArray();
                    assertThat(cosine(doubles(vectors.get(i)), ofReference))
                            .as(texts.get(i))
                            .isGreaterThanOrEqualTo(least);
                    compared++;
                }
            }
            assertThat(compared).isGreaterThan(8);
        }
    }
}
