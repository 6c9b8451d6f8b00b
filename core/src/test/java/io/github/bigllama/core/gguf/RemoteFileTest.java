package io.github.bigllama.core.gguf;

import static io.github.bigllama.testing.TestModels.assertRefused;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.internal.synthetic.RandomModel;
import io.github.bigllama.testing.RawGguf;
import io.github.bigllama.testing.TestModels;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Headers read from a server of this test, in all the ways that servers answer. */
class RemoteFileTest {
    @TempDir Path dir;

    private final HttpClient client =
            HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
    private HttpServer server;
    private long bytesSent;
    private int requests;

    /** How the server answers a range of a file. */
    private interface Answer {
        void send(HttpExchange exchange, Path file, long from, long to) throws IOException;
    }

    private Answer answer = this::range;

    @BeforeEach
    void start() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/",
                exchange -> {
                    requests++;
                    Path file = dir.resolve(exchange.getRequestURI().getPath().substring(1));
                    if (!Files.exists(file)) {
                        exchange.sendResponseHeaders(404, -1);
                        exchange.close();
                        return;
                    }
                    String range = exchange.getRequestHeaders().getFirst("Range");
                    String[] ends = range.substring("bytes=".length()).split("-");
                    answer.send(exchange, file, Long.parseLong(ends[0]), Long.parseLong(ends[1]));
                    exchange.close();
                });
        server.start();
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    private URI uri(String file) {
        return URI.create("http://localhost:" + server.getAddress().getPort() + "/" + file);
    }

    private void range(HttpExchange exchange, Path file, long from, long to) throws IOException {
        long size = Files.size(file);
        byte[] bytes = new byte[(int) (Math.min(to, size - 1) - from + 1)];
        try (RandomAccessFile opened = new RandomAccessFile(file.toFile(), "r")) {
            opened.seek(from);
            opened.readFully(bytes);
        }
        bytesSent += bytes.length;
        exchange.getResponseHeaders()
                .set(
                        "Content-Range",
                        "bytes " + from + "-" + (from + bytes.length - 1) + "/" + size);
        exchange.getResponseHeaders().set("ETag", "\"" + size + "\"");
        exchange.sendResponseHeaders(206, bytes.length);
        exchange.getResponseBody().write(bytes);
    }

    private GgufException refused(Problem problem, String file, String... parts) {
        GgufException e =
                assertRefused(problem, () -> Gguf.read(uri(file), HttpSender.of(client)), parts);
        assertThat(e).hasMessageContaining(uri(file).toString());
        return e;
    }

    @Test
    void onlyTheHeaderIsRead() throws IOException {
        Files.copy(TestModels.DEMO, dir.resolve("demo.gguf"));
        Gguf local = Gguf.read(TestModels.DEMO);
        Gguf remote = Gguf.read(uri("demo.gguf"), HttpSender.of(client));
        assertThat(remote.metadata().asMap().keySet()).isEqualTo(local.metadata().asMap().keySet());
        assertThat(remote.tensors()).isEqualTo(local.tensors());
        assertThat(remote.fileSize()).isEqualTo(local.fileSize());
        assertThat(remote.path()).isEmpty();
        assertThat(remote.fileName()).isEqualTo("demo.gguf");
        assertThat(bytesSent).isLessThan(local.dataOffset() + (4 << 20));
        assertThat(requests).isLessThan(6);
    }

    /** The header of a hundred gigabytes is as small as that of any other model. */
    @Test
    void ofAVeryLargeFileTooOnlyTheHeader() throws IOException {
        Path large = dir.resolve("large.gguf");
        RandomModel.write(
                large,
                RandomModel.Shape.scout(),
                Gguf.read(TestModels.DEMO),
                true,
                fraction -> true);
        Gguf remote = Gguf.read(uri("large.gguf"), HttpSender.of(client));
        assertThat(remote.fileSize()).isGreaterThan(100_000_000_000L);
        assertThat(bytesSent).isLessThan(8 << 20);
    }

    @Test
    void allPartsOfAModelAreFound() throws IOException {
        split();
        ModelFiles files = ModelFiles.read(uri("m-00001-of-00002.gguf"), HttpSender.of(client));
        assertThat(files.tensors()).hasSize(2);
        Files.delete(dir.resolve("m-00002-of-00002.gguf"));
        assertRefused(
                Problem.SPLIT,
                () -> ModelFiles.read(uri("m-00001-of-00002.gguf"), HttpSender.of(client)),
                "/m-00002-of-00002.gguf: is missing");
    }

    private void split() throws IOException {
        for (int part = 0; part < 2; part++) {
            new RawGguf()
                    .text("general.architecture", "llama")
                    .put("split.no", new GgufValue.Int(GgufValueType.UINT16, part))
                    .put("split.count", new GgufValue.Int(GgufValueType.UINT16, 2))
                    .put("split.tensors.count", new GgufValue.Int(GgufValueType.INT32, 2))
                    .tensor("tensor" + part, GgmlType.F32, 64L)
                    .write(dir.resolve("m-0000" + (part + 1) + "-of-00002.gguf"));
        }
    }

    @Test
    void whatServersAnswer() throws IOException {
        Files.copy(TestModels.DEMO, dir.resolve("demo.gguf"));
        refused(Problem.NOT_FOUND, "other.gguf", "404");
        answer = (exchange, file, from, to) -> exchange.sendResponseHeaders(401, -1);
        refused(Problem.UNREADABLE, "demo.gguf", "401", "token");
        answer = (exchange, file, from, to) -> exchange.sendResponseHeaders(503, -1);
        refused(Problem.UNREADABLE, "demo.gguf", "503");
        answer =
                (exchange, file, from, to) -> {
                    exchange.sendResponseHeaders(200, Files.size(file));
                    Files.copy(file, exchange.getResponseBody());
                };
        refused(Problem.UNREADABLE, "demo.gguf", "does not send parts of files");
    }

    @Test
    void aServerThatLies() throws IOException {
        Files.copy(TestModels.DEMO, dir.resolve("demo.gguf"));
        answer = (exchange, file, from, to) -> range(exchange, file, from + 1, to + 1);
        refused(Problem.UNREADABLE, "demo.gguf", "the server sends 'bytes 1-");
        answer =
                (exchange, file, from, to) -> {
                    exchange.getResponseHeaders()
                            .set("Content-Range", "bytes " + from + "-" + to + "/100000000");
                    exchange.sendResponseHeaders(206, 10);
                    exchange.getResponseBody().write(new byte[10]);
                };
        refused(Problem.UNREADABLE, "demo.gguf", "10 bytes from 0");
    }

    @Test
    void aFileThatChangesMeanwhile() throws IOException {
        Path file = dir.resolve("long.gguf");
        new RawGguf()
                .text("general.architecture", "llama")
                .text("general.description", "long ".repeat(200_000))
                .write(file);
        answer =
                (exchange, path, from, to) -> {
                    range(exchange, path, from, to);
                    Files.write(file, new byte[] {0}, StandardOpenOption.APPEND);
                };
        refused(Problem.UNREADABLE, "long.gguf", "has changed while it was read");
    }

    @Test
    void nobodyThere() {
        URI nobody = uri("demo.gguf");
        server.stop(0);
        assertRefused(
                Problem.UNREADABLE,
                () -> Gguf.read(nobody, HttpSender.of(client)),
                "cannot be reached");
    }
}
