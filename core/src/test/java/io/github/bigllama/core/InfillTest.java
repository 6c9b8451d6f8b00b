package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import java.io.IOException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A model fills the gap in a text. */
class InfillTest {
    private static final String PREFIX = "int add(int left, int right) {\n    return <|im_end|>";
    private static final String SUFFIX = ";\n}\n🦙";
    private static final Infill.Repository REPOSITORY =
            new Infill.Repository(
                    "myproject",
                    "filename",
                    List.of(
                            new Infill.SourceFile("Sub.java", "int sub() {}\n"),
                            new Infill.SourceFile("Mul.java", "int mul() {}\n")));

    /** Tokens of the demo model that are given other meanings. */
    private static final Map<String, Integer> GAP = Map.of("pre", 300, "suf", 301, "mid", 302);

    private static final Map<String, Integer> ALL =
            Map.of("pre", 300, "suf", 301, "mid", 302, "rep", 303, "sep", 304);

    @TempDir private Path folder;

    /** The demo model with tokens for gaps. */
    private LlamaModel load(Map<String, Integer> fim, boolean addsBegin) throws IOException {
        RawGguf gguf = RawGguf.copyOf(DemoModel.PATH);
        fim.forEach((name, token) -> gguf.u32("tokenizer.ggml.fim_" + name + "_token_id", token));
        gguf.raw("tokenizer.ggml.add_bos_token", 7, new byte[] {(byte) (addsBegin ? 1 : 0)});
        return LlamaModel.load(gguf.write(folder.resolve("fim.gguf")));
    }

    private static int[] plain(LlamaModel model, String text) {
        return model.tokenizer().encode(text, false, false);
    }

    private static int[] join(int[]... parts) {
        return Arrays.stream(parts).flatMapToInt(IntStream::of).toArray();
    }

    private static int[] of(int... tokens) {
        return tokens;
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void theTokensAreWhereTheyBelong(boolean addsBegin) throws IOException {
        try (LlamaModel model = load(GAP, addsBegin)) {
            int[] begin =
                    addsBegin ? of(model.tokenizer().beginOfSequence().orElseThrow()) : new int[0];
            int[] prefix = plain(model, PREFIX);
            int[] suffix = plain(model, SUFFIX);
            Infill infill = Infill.of(PREFIX, SUFFIX);
            assertThat(model.tokenizer().encode(infill))
                    .isEqualTo(join(begin, of(300), prefix, of(301), suffix, of(302)));
            assertThat(model.tokenizer().encode(infill.withSuffixFirst(true)))
                    .isEqualTo(join(begin, of(301), suffix, of(300), prefix, of(302)));
            int[] snippet = plain(model, "\n\n--- snippet ---\n\n");
            assertThat(model.tokenizer().encode(infill.withRepository(REPOSITORY)))
                    .isEqualTo(
                            join(
                                    begin,
                                    snippet,
                                    plain(model, "int sub() {}\n"),
                                    snippet,
                                    plain(model, "int mul() {}\n"),
                                    of(300),
                                    prefix,
                                    of(301),
                                    suffix,
                                    of(302)));
            assertThat(model.tokenizer().encode(Infill.of("", "")))
                    .isEqualTo(join(begin, of(300, 301, 302)));
        }
        try (LlamaModel model = load(ALL, addsBegin)) {
            int[] begin =
                    addsBegin ? of(model.tokenizer().beginOfSequence().orElseThrow()) : new int[0];
            assertThat(model.tokenizer().encode(Infill.of("a", "b").withRepository(REPOSITORY)))
                    .isEqualTo(
                            join(
                                    begin,
                                    of(303),
                                    plain(model, "myproject\n"),
                                    of(304),
                                    plain(model, "Sub.java\n"),
                                    plain(model, "int sub() {}\n"),
                                    of(304),
                                    plain(model, "Mul.java\n"),
                                    plain(model, "int mul() {}\n"),
                                    of(304),
                                    plain(model, "filename\n"),
                                    of(300),
                                    plain(model, "a"),
                                    of(301),
                                    plain(model, "b"),
                                    of(302)));
            assertThat(model.tokenizer().isEndOfGeneration(303)).isTrue();
            assertThat(model.tokenizer().isEndOfGeneration(304)).isTrue();
        }
    }

    private static JsonNode infill(LlamaServer server, Infill infill) throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode body =
                mapper.createObjectNode()
                        .put("input_prefix", infill.prefix())
                        .put("input_suffix", infill.suffix())
                        .put("n_predict", 24)
                        .put("temperature", 0)
                        .put("return_tokens", true);
        for (Infill.SourceFile file :
                infill.repository().map(Infill.Repository::others).orElse(List.of())) {
            body.withArray("input_extra")
                    .addObject()
                    .put("filename", file.name())
                    .put("text", file.text());
        }
        try (HttpClient client = HttpClient.newHttpClient()) {
            return mapper.readTree(
                    client.send(
                                    HttpRequest.newBuilder(
                                                    server.addresses()
                                                            .getFirst()
                                                            .resolve("/infill"))
                                            .POST(
                                                    HttpRequest.BodyPublishers.ofString(
                                                            body.toString()))
                                            .build(),
                                    BodyHandlers.ofString())
                            .body());
        }
    }

    private static void assertAsTheServer(LlamaModel model, Infill infill, String... arguments)
            throws Exception {
        // The server takes what is around a file only as far as its context is larger than a batch.
        ServerOptions options =
                ServerOptions.defaults()
                        .withAddress("127.0.0.1", 0)
                        .with("--parallel", "1", "--ctx-size", "1024", "--batch-size", "512")
                        .with(arguments);
        int[] prompt = model.tokenizer().encode(infill);
        try (LlamaServer server = LlamaServer.start(model, options);
                LlamaSession session = model.newSession(DemoModel.ONE_THREAD);
                TokenStream answer =
                        session.generate(prompt, GenerationOptions.greedy().withMaxTokens(24))) {
            JsonNode theirs = infill(server, infill);
            assertThat(theirs.path("prompt").asText())
                    .isEqualTo(model.tokenizer().decode(prompt, true));
            assertThat(theirs.path("tokens_evaluated").asInt()).isEqualTo(prompt.length);
            assertThat(theirs.path("content").asText()).isNotEmpty().isEqualTo(answer.text());
        }
    }

    @Test
    void thePromptIsThatOfLlamaCppsServer() throws Exception {
        try (LlamaModel model = load(GAP, true)) {
            assertAsTheServer(model, Infill.of(PREFIX, SUFFIX));
            assertAsTheServer(
                    model, Infill.of(PREFIX, SUFFIX).withSuffixFirst(true), "--spm-infill");
        }
        try (LlamaModel model = load(ALL, false)) {
            assertAsTheServer(model, Infill.of(PREFIX, SUFFIX).withRepository(REPOSITORY));
        }
        try (LlamaModel model = load(GAP, false)) {
            assertAsTheServer(model, Infill.of("a", "b").withRepository(REPOSITORY));
        }
    }

    @Test
    void aModelWithoutTheTokensIsRefused() throws IOException {
        try (LlamaModel model = DemoModel.load()) {
            assertThatThrownBy(() -> model.tokenizer().encode(Infill.of("a", "b")))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("no token for the prefix, the suffix, the middle");
        }
        try (LlamaModel model = load(Map.of("pre", 300, "suf", 301), true)) {
            assertThatThrownBy(() -> model.tokenizer().encode(Infill.of("a", "b")))
                    .hasMessageContaining("no token for the middle;");
        }
    }

    @Test
    void anIdOutsideOfTheVocabularyIsNoToken() throws IOException {
        try (LlamaModel model = load(Map.of("pre", 300, "suf", 301, "mid", 1024), true)) {
            assertThatThrownBy(() -> model.tokenizer().encode(Infill.of("a", "b")))
                    .hasMessageContaining("no token for the middle;");
        }
    }
}
