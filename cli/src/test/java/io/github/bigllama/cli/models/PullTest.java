package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import java.io.IOException;
import java.net.ProxySelector;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Downloads from servers of all kinds. */
class PullTest {
    private static final int BLOCK = 10_000;
    private static final Duration PATIENCE = Duration.ofMillis(500);

    @TempDir Path folder;
    private ModelServer server;
    private byte[] model;

    @BeforeEach
    void start() throws IOException {
        server = new ModelServer();
        model = new byte[9 * BLOCK + 1234];
        new Random(1).nextBytes(model);
        System.arraycopy("GGUF".getBytes(), 0, model, 0, 4);
        server.files.put("m.gguf", model);
    }

    @AfterEach
    void stop() {
        server.close();
    }

    private Http http(String... token) {
        return new Http(
                server.uri(""),
                Optional.of(String.join("", token)).filter(t -> !t.isEmpty()),
                direct());
    }

    private static ProxySelector direct() {
        return ProxySelector.of(null);
    }

    private Pull pull(RemoteModel remote, Http http) {
        return new Pull(new ModelsFolder(folder), remote, http, BLOCK, PATIENCE, 1);
    }

    private RemoteModel remote(Optional<String> sha256) {
        return new RemoteModel(
                "host/m",
                List.of(
                        new RemoteFile(
                                server.uri("m.gguf"),
                                "host/m.gguf",
                                OptionalLong.empty(),
                                sha256)));
    }

    private Pull pull() {
        return pull(remote(Optional.empty()), http());
    }

    private static boolean goOn(long done, long total) {
        assertThat(done).isBetween(0L, total);
        return true;
    }

    private void assertIsThere() throws IOException {
        assertThat(folder.resolve("host/m.gguf")).hasBinaryContent(model);
        try (var files = Files.list(folder.resolve("host"))) {
            assertThat(files).hasSize(1);
        }
    }

    private String sha256() throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(model));
    }

    @Test
    void aFileComesInRanges() throws Exception {
        Pull pull = pull(remote(Optional.of(sha256())), http());
        assertThat(pull.isComplete()).isFalse();
        pull.run(PullTest::goOn);
        assertIsThere();
        assertThat(pull.isComplete()).isTrue();
        assertThat(server.ranges)
                .hasSize(11)
                .contains("0-15", "0-9999", "10000-19999", "90000-91233")
                .doesNotHaveDuplicates();
    }

    @Test
    void aServerWithoutRangesSendsAll() throws IOException {
        server.answer = ModelServer::all;
        pull().run(PullTest::goOn);
        assertIsThere();
    }

    @Test
    void aServerWithoutRangesThatBreaksOffIsAskedAgain() throws IOException {
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) -> {
                    exchange.sendResponseHeaders(200, file.length);
                    int sent = count.incrementAndGet() < 4 ? file.length / 2 : file.length;
                    exchange.getResponseBody().write(file, 0, sent);
                };
        pull().run(PullTest::goOn);
        assertIsThere();
        assertThat(count).hasValue(4);
    }

    @Test
    void aServerThatSendsMoreThanItAnnounced() {
        server.answer =
                (exchange, file) -> {
                    String[] ends =
                            exchange.getRequestHeaders()
                                    .getFirst("Range")
                                    .replace("bytes=", "")
                                    .split("-");
                    exchange.getResponseHeaders()
                            .set(
                                    "Content-Range",
                                    "bytes %s-%s/%d".formatted(ends[0], ends[1], file.length));
                    exchange.sendResponseHeaders(206, 0);
                    exchange.getResponseBody().write(file);
                };
        assertThatThrownBy(() -> pull().run(PullTest::goOn))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("the server sends more than the 10000 bytes at ");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aFolderThatCannotBeWrittenIsNotTriedAgain() throws IOException {
        Files.createDirectories(folder.resolve("host"));
        Files.createSymbolicLink(folder.resolve("host/m.gguf.part"), Path.of("/dev/full"));
        assertThatThrownBy(() -> pull().run(PullTest::goOn))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot write " + folder.resolve("host/m.gguf"));
        assertThat(server.ranges).hasSizeLessThan(6);
    }

    @Test
    void whatWasStoppedGoesOn() throws IOException {
        assertThatThrownBy(() -> pull().run((done, total) -> done < 3 * BLOCK))
                .isInstanceOf(CancellationException.class);
        assertThat(folder.resolve("host/m.gguf")).doesNotExist();
        ModelsFolder.Model partial = new ModelsFolder(folder).list().getFirst();
        assertThat(partial.isComplete()).isFalse();
        assertThat(partial.name()).isEqualTo("host/m");
        HashSet<String> before = new HashSet<>(server.ranges);
        int sent = before.size();
        server.ranges.clear();
        pull().run(PullTest::goOn);
        assertIsThere();
        // Only the first is asked for again, to see what there is; and those under way.
        assertThat(server.ranges.size()).isLessThan(11).isGreaterThanOrEqualTo(11 - sent);
    }

    @Test
    void droppedConnectionsAreTriedAgain() throws IOException {
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) -> {
                    if (count.incrementAndGet() % 2 == 0) {
                        ModelServer.range(exchange, file);
                    } else {
                        long from = ModelServer.from(exchange);
                        exchange.getResponseHeaders()
                                .set(
                                        "Content-Range",
                                        "bytes %d-%d/%d"
                                                .formatted(
                                                        from,
                                                        Math.min(from + BLOCK, file.length) - 1,
                                                        file.length));
                        exchange.getResponseHeaders().set("ETag", "\"v1\"");
                        exchange.sendResponseHeaders(206, BLOCK);
                        exchange.getResponseBody().write(file, (int) from, 100);
                    }
                };
        pull().run(PullTest::goOn);
        assertIsThere();
    }

    @Test
    void aServerThatStallsIsAskedAgain() throws IOException {
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) -> {
                    if (count.incrementAndGet() == 3) {
                        exchange.getResponseHeaders()
                                .set(
                                        "Content-Range",
                                        "bytes %d-%d/%d"
                                                .formatted(
                                                        ModelServer.from(exchange),
                                                        ModelServer.from(exchange) + BLOCK - 1,
                                                        file.length));
                        exchange.getResponseHeaders().set("ETag", "\"v1\"");
                        exchange.sendResponseHeaders(206, BLOCK);
                        exchange.getResponseBody().flush();
                        try {
                            Thread.sleep(PATIENCE.multipliedBy(4));
                        } catch (InterruptedException e) {
                            return;
                        }
                    }
                    ModelServer.range(exchange, file);
                };
        pull().run(PullTest::goOn);
        assertIsThere();
    }

    @Test
    void aServerThatNeverDeliversIsGivenUp() {
        server.answer =
                (exchange, file) -> {
                    if (ModelServer.from(exchange) == 0) {
                        ModelServer.range(exchange, file);
                    } else {
                        exchange.sendResponseHeaders(503, -1);
                    }
                };
        assertThatThrownBy(() -> pull().run(PullTest::goOn))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("the server says 503");
        assertThat(folder.resolve("host/m.gguf.part")).exists();
    }

    @Test
    void aFileThatChangesMeanwhile() throws IOException {
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) ->
                        ModelServer.range(
                                exchange, file, count.incrementAndGet() < 4 ? "\"v1\"" : "\"v2\"");
        assertThatThrownBy(() -> pull().run(PullTest::goOn))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("has changed while it was downloaded");
        new Random(2).nextBytes(model);
        System.arraycopy("GGUF".getBytes(), 0, model, 0, 4);
        server.ranges.clear();
        pull().run(PullTest::goOn);
        assertIsThere();
        assertThat(server.ranges).hasSize(11);
    }

    @Test
    void aWrongChecksumIsAnErrorAndNothingIsKept() throws IOException {
        assertThatThrownBy(
                        () -> pull(remote(Optional.of("0".repeat(64))), http()).run(PullTest::goOn))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("has SHA-256 ")
                .hasMessageContaining("expected 0000");
        try (var files = Files.list(folder.resolve("host"))) {
            assertThat(files).isEmpty();
        }
    }

    @Test
    void aChecksumThatTheServerGivesIsChecked() {
        server.answer =
                (exchange, file) -> ModelServer.range(exchange, file, "\"" + "a".repeat(64) + "\"");
        assertThatThrownBy(() -> pull().run(PullTest::goOn)).hasMessageContaining("expected aaaa");
    }

    @Test
    void lengthsThatAreLies() {
        RemoteModel announced =
                new RemoteModel(
                        "host/m",
                        List.of(
                                new RemoteFile(
                                        server.uri("m.gguf"),
                                        "host/m.gguf",
                                        OptionalLong.of(model.length + 1),
                                        Optional.empty())));
        assertThatThrownBy(() -> pull(announced, http()).run(PullTest::goOn))
                .hasMessageContaining("has 91234 bytes, and 91235 were announced");
        server.answer =
                (exchange, file) -> {
                    exchange.getResponseHeaders().set("Content-Range", "bytes 5-10004/91234");
                    exchange.sendResponseHeaders(206, BLOCK);
                    exchange.getResponseBody().write(file, 0, BLOCK);
                };
        assertThatThrownBy(() -> pull().run(PullTest::goOn))
                .hasMessageContaining(
                        "the server sends 'bytes 5-10004/91234' for the range from 0");
    }

    @Test
    void aPageInsteadOfAModel() {
        server.files.put("m.gguf", "<!DOCTYPE html><title>Log in</title>".repeat(2000).getBytes());
        assertThatThrownBy(() -> pull().run(PullTest::goOn))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("is not a GGUF file: it starts with '<!DOCTYPE html><'");
        assertThat(server.ranges).hasSize(1);
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403, 404, 416})
    void whatIsRefusedIsNotTriedAgain(int status) {
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) -> {
                    count.incrementAndGet();
                    exchange.sendResponseHeaders(status, -1);
                };
        assertThatThrownBy(() -> pull().run(PullTest::goOn))
                .isInstanceOf(PullException.class)
                .hasMessageContaining(
                        switch (status) {
                            case 404 -> "no such file (404)";
                            case 416 -> "is empty, or has become shorter";
                            default -> "set HF_TOKEN";
                        });
        assertThat(count).hasValue(1);
    }

    @Test
    void tooManyRequestsMeansLater() throws IOException {
        AtomicInteger count = new AtomicInteger();
        long[] times = new long[2];
        server.answer =
                (exchange, file) -> {
                    int number = count.getAndIncrement();
                    if (number < 2) {
                        times[number] = System.nanoTime();
                    }
                    if (number == 0) {
                        exchange.getResponseHeaders().set("Retry-After", "1");
                        exchange.sendResponseHeaders(429, -1);
                    } else {
                        ModelServer.range(exchange, file);
                    }
                };
        pull().run(PullTest::goOn);
        assertIsThere();
        assertThat(times[1] - times[0]).isGreaterThanOrEqualTo(1_000_000_000L);
    }

    @Test
    void theTokenIsForTheServerThatWasNamed() throws IOException {
        try (ModelServer other = new ModelServer()) {
            other.files.put("elsewhere.gguf", model);
            server.answer =
                    (exchange, file) -> {
                        if (exchange.getRequestHeaders().getFirst("Authorization") == null) {
                            exchange.sendResponseHeaders(401, -1);
                            return;
                        }
                        exchange.getResponseHeaders()
                                .set("Location", other.uri("elsewhere.gguf").toString());
                        exchange.sendResponseHeaders(302, -1);
                    };
            pull(remote(Optional.empty()), http("secret")).run(PullTest::goOn);
            assertIsThere();
            assertThat(server.tokens).isNotEmpty().containsOnly("Bearer secret");
            assertThat(other.tokens).isEmpty();
        }
    }

    @Test
    void theChecksumOfARedirectIsChecked() throws IOException {
        try (ModelServer other = new ModelServer()) {
            other.files.put("elsewhere.gguf", model);
            server.answer =
                    (exchange, file) -> {
                        exchange.getResponseHeaders()
                                .set("Location", other.uri("elsewhere.gguf").toString());
                        exchange.getResponseHeaders()
                                .set("X-Linked-Etag", "\"" + "b".repeat(64) + "\"");
                        exchange.sendResponseHeaders(302, -1);
                    };
            assertThatThrownBy(() -> pull().run(PullTest::goOn))
                    .hasMessageContaining("expected bbbb");
        }
    }

    @Test
    void otherServersGetNoToken() throws IOException {
        Http http = new Http(URI.create("http://elsewhere"), Optional.of("secret"), direct());
        pull(remote(Optional.empty()), http).run(PullTest::goOn);
        assertThat(server.tokens).isEmpty();
        Files.delete(folder.resolve("host/m.gguf"));
        server.answer = (exchange, file) -> exchange.sendResponseHeaders(401, -1);
        assertThatThrownBy(() -> pull(remote(Optional.empty()), http).run(PullTest::goOn))
                .hasMessageContaining("HF_TOKEN is for http://elsewhere only; set HF_ENDPOINT");
    }

    @Test
    void secretsOfAnAddressAreNotShown() {
        server.answer = (exchange, file) -> exchange.sendResponseHeaders(403, -1);
        server.files.put("m.gguf?key=secret", model);
        RemoteModel remote =
                ModelSource.find(
                        server.uri("m.gguf?key=secret").toString(), server.uri(""), http());
        assertThatThrownBy(() -> pull(remote, http()).run(PullTest::goOn))
                .hasMessageContaining("m.gguf?...: the server says 403")
                .hasMessageNotContaining("secret");
    }

    @Test
    void oneProgramAtATime() throws IOException {
        assertThatThrownBy(
                        () ->
                                pull().run(
                                                (done, total) -> {
                                                    pullAgain();
                                                    return true;
                                                }))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("is being downloaded by another program");
    }

    private void pullAgain() {
        try {
            pull().run(PullTest::goOn);
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void nobodyThere() {
        server.close();
        assertThatThrownBy(() -> pull().run(PullTest::goOn))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot reach http://localhost:");
    }
}
