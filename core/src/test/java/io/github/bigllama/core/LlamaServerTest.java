package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.github.bigllama.core.chat.Chat;
import io.github.bigllama.core.exception.ServerException;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.option.ModelOptions;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.core.residency.Residency;
import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.ResidencyStats;
import io.github.bigllama.internal.synthetic.InflatedModel;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.internal.synthetic.RandomModel.Shape;
import io.github.bigllama.testing.AdapterGguf;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.SmallRam;
import io.github.bigllama.testing.WarmUp;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.StandardProtocolFamily;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.channels.ServerSocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** llama.cpp's server inside this process. */
@Timeout(120)
class LlamaServerTest {
    private static final ServerOptions FREE_PORT =
            ServerOptions.defaults().withAddress("127.0.0.1", 0);
    private static final ObjectMapper MAPPER = new ObjectMapper();
    private static final String FRANCE = "What is the capital of France?";
    private static final String PARIS = "The capital of France is Paris.";

    @TempDir static Path folder;

    /**
     * The most bytes that cpp-httplib reads of a body. With more than one byte above it, the server
     * would close a connection with unread data, which resets it: the client may lose the answer.
     */
    private static final int MOST_BODY = 100 << 20;

    private final HttpClient client = HttpClient.newHttpClient();

    private static URI at(LlamaServer server, String path) {
        return server.addresses().getFirst().resolve(path);
    }

    private HttpResponse<String> get(LlamaServer server, String path) throws Exception {
        return client.send(
                HttpRequest.newBuilder(at(server, path)).build(), BodyHandlers.ofString());
    }

    private static HttpRequest post(LlamaServer server, String path, String body) {
        return HttpRequest.newBuilder(at(server, path))
                .header("Content-Type", "application/json")
                .POST(HttpRequest.BodyPublishers.ofString(body))
                .build();
    }

    private static HttpRequest question(LlamaServer server, String text, boolean stream) {
        return post(
                server,
                "/v1/chat/completions",
                """
                {"messages": [{"role": "user", "content": "%s"}], "temperature": 0, "stream": %s}
                """
                        .formatted(text, stream));
    }

    private String ask(LlamaServer server, String text) throws Exception {
        HttpResponse<String> answer =
                client.send(question(server, text, false), BodyHandlers.ofString());
        assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        return content(MAPPER.readTree(answer.body()).at("/choices/0/message"));
    }

    private static String content(JsonNode message) {
        return message.path("content").asText("");
    }

    @Test
    void answersAsASessionDoes() throws Exception {
        try (LlamaModel model = DemoModel.load();
                LlamaSession session = model.newSession();
                LlamaServer server = LlamaServer.start(model, FREE_PORT)) {
            assertThat(get(server, "/health").body()).isEqualTo("{\"status\":\"ok\"}");
            assertThat(ask(server, FRANCE)).isEqualTo(PARIS);
            assertThat(new Chat(session).send(FRANCE, GenerationOptions.greedy()).text())
                    .isEqualTo(PARIS);
            List<String> events =
                    client.send(question(server, FRANCE, true), BodyHandlers.ofLines())
                            .body()
                            .filter(line -> line.startsWith("data: {"))
                            .toList();
            StringBuilder streamed = new StringBuilder();
            for (String event : events) {
                streamed.append(
                        content(
                                MAPPER.readTree(event.substring("data: ".length()))
                                        .at("/choices/0/delta")));
            }
            assertThat(streamed).hasToString(PARIS);
            assertThat(events.size()).isGreaterThan(4);
            HttpResponse<Void> page =
                    client.send(
                            HttpRequest.newBuilder(at(server, "/"))
                                    .header("Accept-Encoding", "gzip")
                                    .build(),
                            BodyHandlers.discarding());
            assertThat(page.statusCode()).isEqualTo(200);
            assertThat(page.headers().firstValue("Content-Type").orElseThrow())
                    .startsWith("text/html");
            assertThat(get(server, "/v1/models").body())
                    .contains(DemoModel.PATH.getFileName().toString());
        }
    }

    /** Clients such as OkHttp send the next request before they could see that one was closed. */
    @Test
    void aStreamLeavesItsConnectionOpen() throws Exception {
        try (LlamaModel model = DemoModel.load();
                LlamaServer server = LlamaServer.start(model, FREE_PORT);
                Socket connection = new Socket("127.0.0.1", at(server, "/").getPort())) {
            String body =
                    """
                    {"prompt": "a", "n_predict": 4, "stream": true}""";
            String request =
                    "POST /completion HTTP/1.1\r\nHost: localhost\r\nContent-Length: "
                            + body.length()
                            + "\r\n\r\n"
                            + body;
            OutputStream out = connection.getOutputStream();
            InputStream in = connection.getInputStream();
            for (int i = 0; i < 3; i++) {
                out.write(request.getBytes(StandardCharsets.US_ASCII));
                StringBuilder answer = new StringBuilder();
                while (!answer.toString().endsWith("\r\n0\r\n\r\n")) {
                    int next = in.read();
                    assertThat(next).as("answer %d: %s", i, answer).isNotNegative();
                    answer.append((char) next);
                }
                assertThat(answer).startsWith("HTTP/1.1 200").doesNotContain("Connection: close");
            }
        }
    }

    @Test
    void severalAtATimeGetTheirOwnAnswers() throws Exception {
        List<String> questions =
                List.of(FRANCE, "What is the capital of Iceland?", "Wave at me.", "Draw a llama.");
        try (LlamaModel model = DemoModel.load();
                LlamaServer server = LlamaServer.start(model, FREE_PORT)) {
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            for (int i = 0; i < 12; i++) {
                String text = questions.get(i % questions.size());
                answers.add(
                        client.sendAsync(question(server, text, false), BodyHandlers.ofString()));
            }
            List<String> said = new ArrayList<>();
            for (CompletableFuture<HttpResponse<String>> answer : answers) {
                JsonNode body = MAPPER.readTree(answer.join().body());
                said.add(content(body.at("/choices/0/message")));
            }
            assertThat(said.subList(0, 4))
                    .containsExactly(PARIS, "The capital of Iceland is Reykjavík.", "👋", "🦙");
            assertThat(said.subList(4, 8)).isEqualTo(said.subList(0, 4));
            assertThat(said.subList(8, 12)).isEqualTo(said.subList(0, 4));
        }
    }

    @Test
    void aModelThatDoesNotFitSaysTheSame() throws Exception {
        Path dense = folder.resolve("dense.gguf");
        InflatedModel.write(DemoModel.PATH, 150_000_000, dense, fraction -> true);
        long half = Files.size(dense) / 2;
        ModelOptions options = ModelOptions.defaults().withRam(SmallRam.forWeights(half));
        try (LlamaModel model = LlamaModel.load(dense, options);
                LlamaServer server =
                        LlamaServer.start(model, FREE_PORT.with("--ctx-size", "1024"))) {
            Residency residency = model.residency().orElseThrow();
            WarmUp.await(residency);
            assertThat(ask(server, FRANCE)).isEqualTo(PARIS);
            assertThat(ask(server, "What is the capital of Iceland?"))
                    .isEqualTo("The capital of Iceland is Reykjavík.");
            assertThat(model.residency().orElseThrow().lastPass().orElseThrow().bytesRead())
                    .isPositive();
            ResidencyStats all = model.residency().orElseThrow().stats();
            assertThat(all.passes()).isGreaterThan(2);
            assertThat(all.bytesRead())
                    .isGreaterThan(
                            model.residency().orElseThrow().lastPass().orElseThrow().bytesRead());
            assertLooksLikeThePlan(model);
        }
    }

    @Test
    void adaptersChangeAModelThatDoesNotFit() throws Exception {
        Path small = AdapterGguf.untied(folder.resolve("small.gguf"), DemoModel.PATH);
        Path adapter = folder.resolve("france.gguf");
        try (LlamaModel model = LlamaModel.load(small)) {
            AdapterGguf.oneAnswer(adapter, model, "France", "Spain", " O");
        }
        Path dense = folder.resolve("untied.gguf");
        InflatedModel.write(small, 150_000_000, dense, fraction -> true);
        // The heap may shrink afterwards.
        long third = Files.size(dense) / 3;
        ModelOptions options = ModelOptions.defaults().withRam(SmallRam.forWeights(third));
        try (LlamaModel model = LlamaModel.load(dense, options);
                LlamaServer server =
                        LlamaServer.start(
                                model,
                                FREE_PORT.with(
                                        "--ctx-size", "1024", "--lora", adapter.toString()))) {
            assertThat(model.residency()).isPresent();
            assertThat(ask(server, FRANCE)).isEqualTo("The capital of France is Ottawa.");
            assertThat(ask(server, "What is the capital of Spain?"))
                    .isEqualTo("The capital of Spain is Madrid.");
            assertThat(get(server, "/lora-adapters").body()).contains("france.gguf");
            HttpResponse<String> off =
                    client.send(
                            post(server, "/lora-adapters", "[{\"id\": 0, \"scale\": 0}]"),
                            BodyHandlers.ofString());
            assertThat(off.statusCode()).isEqualTo(200);
            assertThat(ask(server, FRANCE)).isEqualTo(PARIS);
            assertThat(model.residency().orElseThrow().stats().bytesRead()).isPositive();
        }
    }

    /** What is drawn adds up to what the plan says, and to the model. */
    private static void assertLooksLikeThePlan(LlamaModel model) {
        ResidencyMap map = model.residency().orElseThrow().map(16);
        ResidencyPlan plan = model.residency().orElseThrow().plan();
        assertThat(map.bytes()).isEqualTo(plan.weights());
        assertThat(map.resident()).isLessThan(map.bytes());
        double pinned = 0;
        for (ResidencyMap.Layer layer : map.layers()) {
            assertThat(layer.cells()).hasSize(16);
            for (int i = 0; i < 16; i++) {
                double share = layer.pinned().get(i);
                assertThat(share).isBetween(0.0, layer.cells().get(i) + 1e-9);
                pinned += share * layer.bytes() / 16;
            }
        }
        assertThat(pinned).isBetween(0.9 * plan.kept(), 1.1 * plan.kept());
    }

    @Test
    void expertsThatDoNotFitGiveTheSameTokens() throws Exception {
        Path experts = folder.resolve("experts.gguf");
        Shape shape = new Shape("qwen3moe", 8, 512, 512, 8, 2, 64, 64, 4, false);
        RandomModel.write(experts, shape, Gguf.read(DemoModel.PATH), false, fraction -> true);
        String request =
                """
                {"prompt": "The llama", "temperature": 0, "n_predict": 24, "return_tokens": true}
                """;
        List<String> answers = new ArrayList<>();
        long all = Files.size(experts);
        for (long weights : new long[] {4 * all, all * 6 / 10}) {
            ModelOptions options =
                    ModelOptions.defaults()
                            .withRam(SmallRam.forWeights(weights))
                            .withExpertProfile(false);
            try (LlamaModel model = LlamaModel.load(experts, options);
                    LlamaServer server =
                            LlamaServer.start(
                                    model,
                                    FREE_PORT.with("--ctx-size", "256", "--parallel", "1"))) {
                assertThat(model.residency().isPresent()).isEqualTo(weights < all);
                HttpResponse<String> answer =
                        client.send(post(server, "/completion", request), BodyHandlers.ofString());
                answers.add(MAPPER.readTree(answer.body()).path("tokens").toString());
            }
        }
        assertThat(answers.get(0)).hasSizeGreaterThan(24).isEqualTo(answers.get(1));
    }

    @Test
    void refusalsSayWhy() throws Exception {
        try (LlamaModel model = DemoModel.load()) {
            assertThatThrownBy(() -> LlamaServer.start(model, FREE_PORT.with("--nosuch")))
                    .isInstanceOf(ServerException.class)
                    .hasMessageContaining("--nosuch");
            assertThatThrownBy(() -> LlamaServer.start(model, FREE_PORT.with("--port", "x")))
                    .isInstanceOf(ServerException.class)
                    .hasMessageContaining("--port");
            assertThatThrownBy(() -> LlamaServer.start(model, FREE_PORT.with("--help")))
                    .isInstanceOf(ServerException.class);
            assertThatThrownBy(() -> LlamaServer.start(model, FREE_PORT.with("-m", "x.gguf")))
                    .isInstanceOf(ServerException.class)
                    .hasMessageContaining("x.gguf");
            try (ServerSocketChannel taken =
                    ServerSocketChannel.open(StandardProtocolFamily.INET)) {
                taken.bind(new InetSocketAddress("127.0.0.1", 0));
                String port = Integer.toString(taken.socket().getLocalPort());
                assertThatThrownBy(() -> LlamaServer.start(model, FREE_PORT.with("--port", port)))
                        .isInstanceOf(ServerException.class)
                        .hasMessageContaining(port);
            }
            try (LlamaServer server = LlamaServer.start(model, FREE_PORT)) {
                assertThatThrownBy(() -> LlamaServer.start(model, FREE_PORT))
                        .isInstanceOf(ServerException.class)
                        .hasMessageContaining("already");
                assertThat(ask(server, FRANCE)).isEqualTo(PARIS);
                assertThatThrownBy(model::close)
                        .isInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("LlamaServerTest");
            }
        }
    }

    @Test
    void badRequestsAreErrorsAndTheNextOneIsAnswered() throws Exception {
        try (LlamaModel model = DemoModel.load();
                LlamaServer server =
                        LlamaServer.start(model, FREE_PORT.with("--ctx-size", "512"))) {
            String deep = "[".repeat(100_000) + "]".repeat(100_000);
            List<String> bodies =
                    List.of(
                            "",
                            "{",
                            "{\"messages\": 3}",
                            "{\"messages\": []}",
                            "{\"messages\": [{\"role\": \"user\", \"content\": \"a\\u0000b\"}]}",
                            "{\"messages\": [{\"role\": \"user\", \"content\": " + deep + "}]}",
                            deep,
                            "{\"messages\": [{\"role\": \"user\", \"content\": \""
                                    + "word ".repeat(100_000)
                                    + "\"}]}",
                            """
                            {"messages": [{"role": "user", "content": "Hi"}], "grammar": "root ::= \\"a\\"{2,1}"}
                            """);
            // Each of them would end the process, or take all of its memory.
            List<String> completions =
                    List.of(
                            "{\"prompt\": \"a\", \"grammar\": \"%llguidance {}\"}",
                            "{\"prompt\": \"a\", \"grammar\": \"root ::= [z-a]\"}",
                            "{\"prompt\": \"a\", \"n_predict\": 2, \"repeat_penalty\": 1.1,"
                                    + " \"repeat_last_n\": 2147483647}",
                            "{\"prompt\": \"a\", \"n_predict\": 2, \"dry_multiplier\": 1,"
                                    + " \"dry_penalty_last_n\": 2147483647}",
                            "{\"prompt\": [-5, 999999]}",
                            "{\"prompt\": \"a\", \"json_schema\": " + deep + "}");
            for (String body : completions) {
                HttpResponse<String> answer =
                        client.send(post(server, "/completion", body), BodyHandlers.ofString());
                assertThat(answer.statusCode())
                        .as(body.substring(0, Math.min(80, body.length())))
                        .isIn(200, 400);
            }
            HttpResponse<String> large =
                    client.send(
                            post(server, "/completion", " ".repeat(MOST_BODY + 1)),
                            BodyHandlers.ofString());
            assertThat(large.statusCode()).isEqualTo(413);
            for (String body : bodies) {
                HttpResponse<String> answer =
                        client.send(
                                post(server, "/v1/chat/completions", body),
                                BodyHandlers.ofString());
                assertThat(answer.body())
                        .as(body.substring(0, Math.min(80, body.length())))
                        .isNotEmpty();
            }
            assertThat(ask(server, FRANCE)).isEqualTo(PARIS);
        }
    }

    @Test
    void aClientThatGoesFreesItsSlot() throws Exception {
        try (LlamaModel model = DemoModel.load();
                LlamaServer server =
                        LlamaServer.start(
                                model,
                                FREE_PORT.with(
                                        "--parallel", "1", "--ctx-size", "100096", "--slots"))) {
            HttpRequest endless =
                    post(
                            server,
                            "/completion",
                            """
                            {"prompt": "a", "n_predict": 50000, "ignore_eos": true, "stream": true}
                            """);
            HttpResponse<Stream<String>> answer = client.send(endless, BodyHandlers.ofLines());
            try (var lines = answer.body()) {
                assertThat(lines.limit(4).collect(Collectors.toList())).isNotEmpty();
            }
            assertThat(ask(server, FRANCE)).isEqualTo(PARIS);
        }
    }

    /** Clients that wait are told that it has ended. */
    @Test
    @Timeout(30)
    void itEndsInTheMiddleOfAnswers() throws Exception {
        try (LlamaModel model = DemoModel.load()) {
            LlamaServer server = LlamaServer.start(model, FREE_PORT.with("--ctx-size", "100096"));
            List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
            for (String stream : List.of("true", "false")) {
                String body =
                        """
                        {"prompt": "a", "n_predict": 90000, "ignore_eos": true, "stream": %s}
                        """
                                .formatted(stream);
                answers.add(
                        client.sendAsync(
                                post(server, "/completion", body), BodyHandlers.ofString()));
            }
            Thread.sleep(500);
            server.close();
            assertThat(server.isRunning()).isFalse();
            for (CompletableFuture<HttpResponse<String>> answer : answers) {
                assertThat(answer.handle((response, failure) -> "over").join()).isEqualTo("over");
            }
        }
    }

    @Test
    void itEndsAndStartsAgain() throws IOException {
        try (LlamaModel model = DemoModel.load()) {
            for (int i = 0; i < 3; i++) {
                LlamaServer server = LlamaServer.start(model, FREE_PORT);
                assertThat(server.isRunning()).isTrue();
                server.close();
                server.close();
                assertThat(server.isRunning()).isFalse();
            }
        }
    }
}
