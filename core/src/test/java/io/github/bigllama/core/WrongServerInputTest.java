package io.github.bigllama.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.core.exception.ModelLoadException;
import io.github.bigllama.core.exception.ServerException;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.option.ServerOptions;
import io.github.bigllama.testing.AdapterGguf;
import io.github.bigllama.testing.Architectures;
import io.github.bigllama.testing.DemoModel;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TinyProjector;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Options and requests that would end llama.cpp's server, or spoil the answers to others. */
@Timeout(120)
class WrongServerInputTest {
    private static final String FRANCE =
            "{\"max_tokens\": 12, \"temperature\": 0, \"messages\": "
                    + "[{\"role\": \"user\", \"content\": \"What is the capital of France?\"}]}";

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

    private static LlamaServer serve(LlamaModel served, String... options) {
        return LlamaServer.start(
                served,
                ServerOptions.defaults()
                        .with("--threads", "1")
                        .withAddress("127.0.0.1", 0)
                        .with(options));
    }

    private static HttpResponse<String> post(LlamaServer server, String path, String body)
            throws Exception {
        URI address = server.addresses().getFirst().resolve(path);
        return HttpClient.newHttpClient()
                .send(
                        HttpRequest.newBuilder(address).POST(BodyPublishers.ofString(body)).build(),
                        BodyHandlers.ofString());
    }

    private static HttpResponse<String> chat(LlamaServer server, String body) throws Exception {
        return post(server, "/v1/chat/completions", body);
    }

    @Test
    void otherMachinesAreRefused() {
        assertThatThrownBy(() -> serve(model, "--rpc", "127.0.0.1:1"))
                .isInstanceOf(ServerException.class)
                .hasMessageContaining("--rpc computes on other machines");
    }

    @Test
    void whatCannotDraftIsRefused() throws Exception {
        String bert = Architectures.write(folder, "bert").toString();
        assertThatThrownBy(() -> serve(model, "--model-draft", bert))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("cannot draft: it is an embedding model");
        List<String> tokens =
                Gguf.read(DemoModel.PATH)
                        .metadata()
                        .array("tokenizer.ggml.tokens")
                        .orElseThrow()
                        .strings();
        String other =
                RawGguf.copyOf(DemoModel.PATH)
                        .strings("tokenizer.ggml.tokens", tokens.reversed())
                        .write(folder.resolve("other.gguf"))
                        .toString();
        assertThatThrownBy(() -> serve(model, "--model-draft", other))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("cannot draft: its vocabulary is not that of");
    }

    @Test
    void kindsOfDraftsHaveWhatTheyAssert() {
        assertThatThrownBy(() -> serve(model, "--spec-type", "draft-mtp"))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("cannot draft: --spec-type draft-mtp needs layers that");
        String draft = DemoModel.PATH.toString();
        assertThatThrownBy(() -> serve(model, "--spec-type", "draft-mtp", "--model-draft", draft))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("is for the model's own layers");
        for (String kind : List.of("draft-eagle3", "draft-dflash", "draft-dspark")) {
            assertThatThrownBy(() -> serve(model, "--spec-type", kind, "--model-draft", draft))
                    .isInstanceOf(ModelLoadException.class)
                    .hasMessageContaining(
                            "--spec-type " + kind + " needs a model of the architecture");
        }
    }

    private static RawGguf vector(float value) {
        float[] direction = new float[model.embeddingSize()];
        Arrays.fill(direction, value);
        return AdapterGguf.controlVector("llama", Map.of(1, direction));
    }

    @Test
    void adaptersAreOfTheirKind() throws Exception {
        String vector = vector(0.1f).write(folder.resolve("vector.gguf")).toString();
        assertThatThrownBy(() -> serve(model, "--lora", vector))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("--lora " + vector + ": it is a control vector");
        assertThatThrownBy(
                        () ->
                                serve(
                                        model,
                                        "--control-vector",
                                        vector,
                                        "--control-vector-layer-range",
                                        "50",
                                        "60"))
                .isInstanceOf(ModelLoadException.class)
                .hasMessageContaining("limited to layers from 50 on");
        assertThatThrownBy(() -> serve(model, "--control-vector-scaled", vector + ":nan"))
                .isInstanceOf(ServerException.class)
                .hasMessageContaining("must be a number");
    }

    @Test
    void logitsThatAreNotNumbersAreAnError() throws Exception {
        String vector = vector(Float.MAX_VALUE).write(folder.resolve("large.gguf")).toString();
        try (LlamaServer server = serve(model, "--control-vector-scaled", vector + ":100")) {
            HttpResponse<String> answer = chat(server, FRANCE);
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(500);
            assertThat(answer.body()).contains("Compute error");
        }
    }

    @Test
    void embeddingsFillAnyMicroBatch() throws Exception {
        Path file = Architectures.write(folder, "bert");
        try (LlamaModel bert = LlamaModel.load(file);
                LlamaServer server = serve(bert, "-ub", "511", "-b", "511")) {
            HttpResponse<String> answer =
                    post(server, "/v1/embeddings", "{\"input\": [\"one\", \"two three\"]}");
            assertThat(answer.statusCode()).as(answer.body()).isEqualTo(200);
        }
    }

    private static String sound(int rate, float sample) {
        int samples = 20_000;
        ByteBuffer wav =
                ByteBuffer.allocate(44 + Float.BYTES * samples).order(ByteOrder.LITTLE_ENDIAN);
        wav.put("RIFF".getBytes(StandardCharsets.US_ASCII)).putInt(36 + Float.BYTES * samples);
        wav.put("WAVEfmt ".getBytes(StandardCharsets.US_ASCII)).putInt(16);
        wav.putShort((short) 3).putShort((short) 1).putInt(rate).putInt(Float.BYTES * rate);
        wav.putShort((short) Float.BYTES).putShort((short) Float.SIZE);
        wav.put("data".getBytes(StandardCharsets.US_ASCII)).putInt(Float.BYTES * samples);
        for (int i = 0; i < samples; i++) {
            wav.putFloat(sample);
        }
        return "{\"max_tokens\": 2, \"messages\": [{\"role\": \"user\", \"content\": ["
                + "{\"type\": \"input_audio\", \"input_audio\": {\"format\": \"wav\", \"data\": \""
                + Base64.getEncoder().encodeToString(wav.array())
                + "\"}}]}]}";
    }

    @Test
    void soundsHaveTheLimitsOfSessions() throws Exception {
        Path projector =
                TinyProjector.ultravox(folder.resolve("audio.gguf"), model.embeddingSize());
        try (LlamaServer server = serve(model, "--mmproj", projector.toString(), "-c", "2048")) {
            HttpResponse<String> notNumbers = chat(server, sound(16_000, Float.NaN));
            assertThat(notNumbers.statusCode()).as(notNumbers.body()).isEqualTo(400);
            assertThat(notNumbers.body()).contains("samples that are not numbers");
            HttpResponse<String> slow = chat(server, sound(1, 0.5f));
            assertThat(slow.statusCode()).as(slow.body()).isEqualTo(400);
            assertThat(slow.body()).contains("longer than 60 minutes");
            HttpResponse<String> good = chat(server, sound(16_000, 0.5f));
            assertThat(good.statusCode()).as(good.body()).isEqualTo(200);
            assertThat(chat(server, FRANCE).body()).contains("Paris");
        }
    }

    /** cpp-httplib may have others wait for a thread until then, which is ten seconds. */
    @Test
    void requestsThatStopHalfwayAreLetGo() throws Exception {
        List<Socket> halves = new ArrayList<>();
        try (LlamaServer server = serve(model)) {
            URI address = server.addresses().getFirst();
            for (int i = 0; i < 200; i++) {
                Socket socket = new Socket(address.getHost(), address.getPort());
                halves.add(socket);
                socket.getOutputStream()
                        .write(
                                "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
                                        .getBytes(StandardCharsets.US_ASCII));
            }
            long start = System.nanoTime();
            assertThat(chat(server, FRANCE).body()).contains("Paris");
            halves.getLast().setSoTimeout(60_000);
            // To the end, which the server makes.
            halves.getLast().getInputStream().readAllBytes();
            // By default llama.cpp waits for an hour.
            assertThat((System.nanoTime() - start) / 1e9).isLessThan(60);
        } finally {
            for (Socket socket : halves) {
                socket.close();
            }
        }
    }

    @Test
    void onlyPortsThatThereAre() {
        for (String port : List.of("70000", "-1")) {
            assertThatThrownBy(() -> serve(model, "--port", port))
                    .isInstanceOf(ServerException.class)
                    .hasMessage("cannot serve: the port is " + port + ", must be 0 to 65535");
        }
    }

    /** Clients repeat a request if they are told that the server has failed. */
    @Test
    void mistakesOfClientsAreTheirs() throws Exception {
        Map<String, String> wrong =
                Map.of(
                        "{\"messages\": [", "/v1/chat/completions",
                        "", "/v1/messages",
                        "{\"tools\": \"x\", \"messages\": []}", "/v1/chat/completions",
                        "{\"tools\": [5], \"messages\": []}", "/v1/chat/completions",
                        "{\"content\": 5}", "/tokenize",
                        "{\"tokens\": [99999999]}", "/detokenize");
        try (LlamaServer server = serve(model)) {
            for (Map.Entry<String, String> request : wrong.entrySet()) {
                HttpResponse<String> answer = post(server, request.getValue(), request.getKey());
                assertThat(answer.statusCode()).as(answer.body()).isEqualTo(400);
            }
            assertThat(chat(server, FRANCE).statusCode()).isEqualTo(200);
        }
    }
}
