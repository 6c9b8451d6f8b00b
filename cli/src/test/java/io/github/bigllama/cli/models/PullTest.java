package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
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
    private static final int BLOCK = ModelServer.SETTINGS.blockSize();

    @TempDir Path folder;
    private ModelServer server;
    private byte[] model;
    private final Watcher progress = new Watcher();

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
        return ModelServer.http(server.uri(""), Map.of("HF_TOKEN", String.join("", token)));
    }

    private Pull pull(RemoteModel remote, Http http) {
        return new Pull(new ModelsFolder(folder), remote, http, ModelServer.SETTINGS);
    }

    private RemoteModel remote(Optional<String> sha256) {
        return new RemoteModel(
                "host/m",
                List.of(
                        new RemoteFile(
                                server.url("m.gguf"), "host/m.gguf", OptionalLong.empty(), sha256)),
                Optional.empty());
    }

    private Pull pull() {
        return pull(remote(Optional.empty()), http());
    }

    private void assertIsThere() throws IOException {
        assertThat(folder.resolve("host/m.gguf")).hasBinaryContent(model);
        try (var files = Files.list(folder.resolve("host"))) {
            assertThat(files.map(file -> file.getFileName().toString()))
                    .containsExactlyInAnyOrder("m.gguf", "m.gguf.origin");
        }
    }

    private String sha256() throws Exception {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(model));
    }

    @Test
    void aFileComesInRanges() throws Exception {
        Pull pull = pull(remote(Optional.of(sha256())), http());
        assertThat(pull.isComplete(progress)).isFalse();
        pull.run(progress);
        assertIsThere();
        assertThat(pull.isComplete(progress)).isTrue();
        assertThat(server.ranges)
                .hasSize(11)
                .contains("0-15", "0-9999", "10000-19999", "90000-91233")
                .doesNotHaveDuplicates();
    }

    @Test
    void aServerWithoutRangesSendsAll() throws IOException {
        server.answer = ModelServer::all;
        pull().run(progress);
        assertIsThere();
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
                                    String.format(
                                            Locale.ROOT,
                                            "bytes %s-%s/%d",
                                            ends[0],
                                            ends[1],
                                            file.length));
                    exchange.sendResponseHeaders(206, 0);
                    exchange.getResponseBody().write(file);
                };
        assertThatThrownBy(() -> pull().run(progress))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("the server sends more than the 10000 bytes at ");
    }

    @Test
    @EnabledOnOs(OS.LINUX)
    void aFolderThatCannotBeWrittenIsNotTriedAgain() throws IOException {
        Files.createDirectories(folder.resolve("host"));
        // Of a download that was begun.
        Files.createSymbolicLink(folder.resolve("host/m.gguf.part"), Path.of("/dev/full"));
        Files.writeString(
                folder.resolve("host/m.gguf.part.state"),
                String.format(
                        Locale.ROOT,
                        "source=%s\nversion=\"v1\"\nsize=%d\nblock=%d\nhave=5%s",
                        server.uri("m.gguf"),
                        model.length,
                        BLOCK,
                        ",0".repeat(9)));
        assertThatThrownBy(() -> pull().run(progress))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot write " + folder.resolve("host/m.gguf"));
        assertThat(server.ranges).hasSizeLessThan(6);
    }

    @Test
    void whatWasStoppedGoesOn() throws IOException {
        Pull stopped = pull();
        progress.onProgress = done -> stopIf(done >= 3 * BLOCK, stopped);
        server.answer = PullTest::slowly;
        assertThatThrownBy(() -> stopped.run(progress)).isInstanceOf(CancellationException.class);
        progress.onProgress = done -> {};
        assertThat(folder.resolve("host/m.gguf")).doesNotExist();
        ModelsFolder.Model partial = new ModelsFolder(folder).list().getFirst();
        assertThat(partial.isComplete()).isFalse();
        assertThat(partial.name()).isEqualTo("host/m");
        assertThat(partial.size()).isBetween(3L * BLOCK, model.length - 1L);
        server.bytes.set(0);
        progress.first = -1;
        pull().run(progress);
        assertIsThere();
        // Not a byte comes again that was there, but for the first ones, to see what it is.
        assertThat(progress.first).isEqualTo(partial.size());
        assertThat(server.bytes).hasValue(model.length - partial.size() + 16);
    }

    private static void stopIf(boolean isEnough, Pull pull) {
        if (isEnough) {
            pull.stop();
        }
    }

    /** In pieces that take their time. */
    private static void slowly(com.sun.net.httpserver.HttpExchange exchange, byte[] file)
            throws IOException {
        ModelServer.part(
                exchange,
                file,
                (out, from, to) -> {
                    for (int at = from; at < to; at += 500) {
                        out.write(file, at, Math.min(500, to - at));
                        out.flush();
                        ModelServer.sleep(20);
                    }
                });
    }

    @Test
    void aFileThatChangesMeanwhile() throws IOException {
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) ->
                        ModelServer.range(
                                exchange, file, count.incrementAndGet() < 4 ? "\"v1\"" : "\"v2\"");
        assertThatThrownBy(() -> pull().run(progress))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("has changed while it was downloaded");
        new Random(2).nextBytes(model);
        System.arraycopy("GGUF".getBytes(), 0, model, 0, 4);
        server.ranges.clear();
        pull().run(progress);
        assertIsThere();
        assertThat(server.ranges).hasSize(11);
    }

    @Test
    void aWrongChecksumIsAnErrorAndNothingIsKept() throws IOException {
        assertThatThrownBy(() -> pull(remote(Optional.of("0".repeat(64))), http()).run(progress))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("has SHA-256 ")
                .hasMessageContaining("expected 0000");
        assertThat(folder.resolve("host")).doesNotExist();
    }

    @Test
    void aChecksumThatTheServerGivesIsChecked() {
        server.answer =
                (exchange, file) -> ModelServer.range(exchange, file, "\"" + "a".repeat(64) + "\"");
        assertThatThrownBy(() -> pull().run(progress)).hasMessageContaining("expected aaaa");
    }

    @Test
    void lengthsThatAreLies() {
        RemoteModel announced =
                new RemoteModel(
                        "host/m",
                        List.of(
                                new RemoteFile(
                                        server.url("m.gguf"),
                                        "host/m.gguf",
                                        OptionalLong.of(model.length + 1),
                                        Optional.empty())),
                        Optional.empty());
        assertThatThrownBy(() -> pull(announced, http()).run(progress))
                .hasMessageContaining("has 91234 bytes, but 91235 were announced");
        server.answer =
                (exchange, file) -> {
                    exchange.getResponseHeaders().set("Content-Range", "bytes 5-10004/91234");
                    exchange.sendResponseHeaders(206, BLOCK);
                    exchange.getResponseBody().write(file, 0, BLOCK);
                };
        assertThatThrownBy(() -> pull().run(progress))
                .hasMessageContaining(
                        "the server sends 'bytes 5-10004/91234' for the range from 0");
    }

    @Test
    void aPageInsteadOfAModel() {
        server.files.put("m.gguf", "<!DOCTYPE html><title>Log in</title>".repeat(2000).getBytes());
        assertThatThrownBy(() -> pull().run(progress))
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
        assertThatThrownBy(() -> pull().run(progress))
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
            pull(remote(Optional.empty()), http("secret")).run(progress);
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
            assertThatThrownBy(() -> pull().run(progress)).hasMessageContaining("expected bbbb");
        }
    }

    @Test
    void otherServersGetNoToken() throws IOException {
        Http http = ModelServer.http(URI.create("http://elsewhere"), Map.of("HF_TOKEN", "secret"));
        pull(remote(Optional.empty()), http).run(progress);
        assertThat(server.tokens).isEmpty();
        Files.delete(folder.resolve("host/m.gguf"));
        server.answer = (exchange, file) -> exchange.sendResponseHeaders(401, -1);
        assertThatThrownBy(() -> pull(remote(Optional.empty()), http).run(progress))
                .hasMessageContaining("HF_TOKEN is only for http://elsewhere/; set HF_ENDPOINT");
    }

    @Test
    void secretsOfAnAddressAreNotShown() {
        server.answer = (exchange, file) -> exchange.sendResponseHeaders(403, -1);
        server.files.put("m.gguf?key=secret", model);
        RemoteModel remote =
                ModelSource.find(
                        server.uri("m.gguf?key=secret").toString(), http(), progress.lines::add);
        assertThatThrownBy(() -> pull(remote, http()).run(progress))
                .hasMessageContaining("m.gguf?...: the server says 403")
                .hasMessageNotContaining("secret");
    }

    @Test
    void oneProgramAtATime() throws IOException {
        Pull first = pull(remote(Optional.of("0".repeat(64))), http());
        List<Throwable> second = new ArrayList<>();
        List<Throwable> deletion = new ArrayList<>();
        ModelsFolder models = new ModelsFolder(folder);
        // Also when all has come, and only the checksum is not known yet.
        progress.onChecking =
                done -> {
                    second.add(catchThrowable(() -> pull().run(new Watcher())));
                    deletion.add(
                            catchThrowable(() -> models.delete(models.find("m").orElseThrow())));
                };
        assertThatThrownBy(() -> first.run(progress)).hasMessageContaining("expected 0000");
        assertThat(second)
                .isNotEmpty()
                .allSatisfy(
                        e ->
                                assertThat(e)
                                        .isInstanceOf(PullException.class)
                                        .hasMessageContaining(
                                                "is being downloaded by another program"));
        assertThat(deletion)
                .allSatisfy(
                        e ->
                                assertThat(e)
                                        .isInstanceOf(PullException.class)
                                        .hasMessageContaining(
                                                "host/m is being downloaded; stop the download "
                                                        + "first"));
    }

    private Pull pullFrom(String address) {
        return pull(ModelSource.find(address, http(), progress.lines::add), http());
    }

    @Test
    void anotherFileIsNotThereAlready() throws IOException {
        byte[] other = model.clone();
        other[100]++;
        server.files.put("a/x/model.gguf", model);
        server.files.put("b/y/model.gguf", other);
        Pull first = pullFrom(server.uri("a/x/model.gguf").toString());
        first.run(progress);
        Pull second = pullFrom(server.uri("b/y/model.gguf").toString());
        assertThat(second.isComplete(progress)).isFalse();
        second.run(progress);
        assertThat(first.firstFile()).hasBinaryContent(model);
        assertThat(second.firstFile()).hasBinaryContent(other);
        assertThat(pullFrom(server.uri("a/x/model.gguf").toString()).isComplete(progress)).isTrue();
    }

    @Test
    void anotherVersionReplacesTheOldOneAndThatIsSaid() throws Exception {
        pull().run(progress);
        byte[] old = model.clone();
        model[100]++;
        server.answer = (exchange, file) -> ModelServer.range(exchange, file, "\"v2\"");
        Pull again = pull();
        assertThat(again.isComplete(progress)).isFalse();
        // Until the new one is there the old one stays.
        progress.onProgress =
                done -> assertThat(folder.resolve("host/m.gguf")).hasBinaryContent(old);
        again.run(progress);
        assertIsThere();
        assertThat(progress.lines)
                .containsExactly(
                        "the server now has another version of m.gguf; it will replace the old "
                                + "one when it is complete");
    }

    @Test
    void aFileOfAnotherOriginIsNeitherTakenNorReplaced() throws Exception {
        Files.createDirectories(folder.resolve("host"));
        Files.write(folder.resolve("host/m.gguf"), new byte[model.length]);
        assertThatThrownBy(() -> pull().isComplete(progress))
                .isInstanceOf(PullException.class)
                .hasMessageContaining(
                        "there is a different file at " + "" + folder.resolve("host/m.gguf"))
                .hasMessageContaining(
                        "which pull did not download; delete it with bigllama rm " + "host/m");
        // Unless it is the same, which a checksum tells.
        Files.write(folder.resolve("host/m.gguf"), model);
        assertThat(pull(remote(Optional.of(sha256())), http()).isComplete(progress)).isTrue();
        assertIsThere();
    }

    @Test
    void roomIsForAllParts() throws IOException {
        RemoteModel huge =
                new RemoteModel(
                        "host/h",
                        List.of(huge("h-00001-of-00002.gguf"), huge("h-00002-of-00002.gguf")),
                        Optional.empty());
        long most = folder.toFile().getUsableSpace();
        server.answer =
                (exchange, file) -> {
                    exchange.getResponseHeaders()
                            .set("Content-Range", "bytes 0-15/" + (most / 2 + most / 4));
                    exchange.sendResponseHeaders(206, 16);
                    exchange.getResponseBody().write(file, 0, 16);
                };
        assertThatThrownBy(() -> pull(huge, http()).run(progress))
                .isInstanceOf(PullException.class)
                .hasMessageContaining(" GB are needed: make room");
        // Each of them alone would have fitted, and none was begun.
        assertThat(server.ranges).containsExactly("0-15", "0-15");
        assertThat(folder.resolve("host")).doesNotExist();
    }

    private RemoteFile huge(String name) {
        server.files.put(name, model);
        return new RemoteFile(
                server.url(name), "host/" + name, OptionalLong.empty(), Optional.empty());
    }

    @Test
    void aMistypedAddressLeavesNothing() {
        assertThatThrownBy(() -> pullFrom(server.uri("o/other.gguf").toString()).run(progress))
                .hasMessageContaining("no such file (404)");
        assertThat(folder).isEmptyDirectory();
    }
}
