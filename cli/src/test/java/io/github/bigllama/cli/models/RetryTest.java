package io.github.bigllama.cli.models;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Servers and networks that fail on the way: what comes is kept, and progress is what counts. */
@Timeout(60)
class RetryTest {
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

    private Pull pull() {
        RemoteModel remote =
                new RemoteModel(
                        "host/m",
                        List.of(
                                new RemoteFile(
                                        server.url("m.gguf"),
                                        "host/m.gguf",
                                        OptionalLong.empty(),
                                        Optional.empty())),
                        Optional.empty());
        Http http = ModelServer.http(server.uri(""), Map.of());
        return new Pull(new ModelsFolder(folder), remote, http, ModelServer.SETTINGS);
    }

    private void assertIsThere() {
        assertThat(folder.resolve("host/m.gguf")).hasBinaryContent(model);
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
                                        String.format(
                                                Locale.ROOT,
                                                "bytes %d-%d/%d",
                                                from,
                                                Math.min(from + BLOCK, file.length) - 1,
                                                file.length));
                        exchange.getResponseHeaders().set("ETag", "\"v1\"");
                        exchange.sendResponseHeaders(206, BLOCK);
                        exchange.getResponseBody().write(file, (int) from, 100);
                    }
                };
        pull().run(progress);
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
                                        String.format(
                                                Locale.ROOT,
                                                "bytes %d-%d/%d",
                                                ModelServer.from(exchange),
                                                ModelServer.from(exchange) + BLOCK - 1,
                                                file.length));
                        exchange.getResponseHeaders().set("ETag", "\"v1\"");
                        exchange.sendResponseHeaders(206, BLOCK);
                        exchange.getResponseBody().flush();
                        try {
                            Thread.sleep(ModelServer.PATIENCE.multipliedBy(4));
                        } catch (InterruptedException e) {
                            return;
                        }
                    }
                    ModelServer.range(exchange, file);
                };
        pull().run(progress);
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
        assertThatThrownBy(() -> pull().run(progress))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("the server says 503 (tried for ");
        assertThat(folder.resolve("host/m.gguf.part")).exists();
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
        pull().run(progress);
        assertIsThere();
        assertThat(times[1] - times[0]).isGreaterThanOrEqualTo(1_000_000_000L);
    }

    @Test
    void nobodyThere() {
        server.close();
        assertThatThrownBy(() -> pull().run(progress))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("cannot get http://localhost:")
                .hasMessageContaining("/m.gguf: localhost refuses the connection at port ");
        assertThat(folder).isEmptyDirectory();
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
        pull().run(progress);
        assertIsThere();
        assertThat(count).hasValue(4);
    }

    /** Many more failures than anyone would count, but each brings something. */
    @Test
    void connectionsThatAreCutAgainAndAgain() throws IOException {
        server.answer =
                (exchange, file) ->
                        ModelServer.part(
                                exchange,
                                file,
                                (out, from, to) -> {
                                    out.write(file, from, Math.min(700, to - from));
                                    out.flush();
                                });
        pull().run(progress);
        assertIsThere();
        assertThat(server.ranges).hasSizeGreaterThan(model.length / 700);
    }

    @Test
    void anOutageThatIsShorterThanPatience() throws IOException {
        AtomicInteger count = new AtomicInteger();
        AtomicLong until = new AtomicLong();
        server.answer =
                (exchange, file) -> {
                    if (count.incrementAndGet() == 4) {
                        until.set(System.nanoTime() + 700_000_000L);
                    }
                    if (System.nanoTime() < until.get()) {
                        exchange.sendResponseHeaders(502, -1);
                    } else {
                        ModelServer.range(exchange, file);
                    }
                };
        pull().run(progress);
        assertIsThere();
        assertThat(progress.troubles).contains("trying again: the server says 502");
    }

    @Test
    void allOfTheFileForAPart() throws IOException {
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) -> {
                    if (count.incrementAndGet() % 3 == 0) {
                        exchange.getResponseHeaders().set("ETag", "\"v1\"");
                        ModelServer.all(exchange, file);
                    } else {
                        ModelServer.range(exchange, file);
                    }
                };
        pull().run(progress);
        assertIsThere();
    }

    @Test
    void partsThatAreCalled200() throws IOException {
        server.answer =
                (exchange, file) -> {
                    int from = (int) ModelServer.from(exchange);
                    String range = exchange.getRequestHeaders().getFirst("Range");
                    int to = Math.min(Integer.parseInt(range.split("-")[1]) + 1, file.length);
                    exchange.getResponseHeaders()
                            .set(
                                    "Content-Range",
                                    String.format(
                                            Locale.ROOT,
                                            "bytes %d-%d/%d",
                                            from,
                                            to - 1,
                                            file.length));
                    exchange.sendResponseHeaders(200, to - from);
                    exchange.getResponseBody().write(file, from, to - from);
                };
        pull().run(progress);
        assertIsThere();
    }

    @Test
    void oneConnectionThatIsMuchSlowerIsReplaced() throws IOException {
        byte[] large = new byte[40 * BLOCK];
        System.arraycopy("GGUF".getBytes(), 0, large, 0, 4);
        server.files.put("m.gguf", large);
        AtomicInteger slow = new AtomicInteger();
        server.answer =
                (exchange, file) ->
                        ModelServer.part(
                                exchange,
                                file,
                                (out, from, to) -> {
                                    boolean isSlow =
                                            from == 20 * BLOCK && slow.incrementAndGet() == 1;
                                    int step = isSlow ? 10 : BLOCK;
                                    for (int at = from; at < to; at += step) {
                                        out.write(file, at, Math.min(step, to - at));
                                        out.flush();
                                        ModelServer.sleep(isSlow ? 50 : 5);
                                    }
                                });
        long start = System.nanoTime();
        new Pull(
                        new ModelsFolder(folder),
                        new RemoteModel(
                                "host/m",
                                List.of(
                                        new RemoteFile(
                                                server.url("m.gguf"),
                                                "host/m.gguf",
                                                OptionalLong.empty(),
                                                Optional.empty())),
                                Optional.empty()),
                        ModelServer.http(server.uri(""), Map.of()),
                        new Pull.Settings(
                                20 * BLOCK,
                                ModelServer.SETTINGS.limits(),
                                ModelServer.SETTINGS.slowWindow()))
                .run(progress);
        assertThat(folder.resolve("host/m.gguf")).hasBinaryContent(large);
        // It would have taken 1000 s.
        assertThat(System.nanoTime() - start).isLessThan(20_000_000_000L);
        // What it brought is not asked for again.
        assertThat(server.ranges.getLast()).endsWith("-399999").doesNotStartWith("200000-");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "Retry-After: 2",
                "Retry-After: DATE",
                "RateLimit: \"resolvers\";r=0;t=2",
                "RateLimit: limit=100, remaining=0, reset=2",
                "X-RateLimit-Reset: EPOCH"
            })
    void aServerThatAsksToWait(String header) throws IOException {
        AtomicInteger count = new AtomicInteger();
        AtomicLong until = new AtomicLong();
        String[] pair = header.split(": ");
        server.answer =
                (exchange, file) -> {
                    // Longer than anyone waits without being asked to.
                    if (count.incrementAndGet() == 4) {
                        until.set(System.nanoTime() + 1_600_000_000L);
                    }
                    if (System.nanoTime() >= until.get()) {
                        ModelServer.range(exchange, file);
                        return;
                    }
                    Instant then = Instant.now().plusSeconds(3);
                    exchange.getResponseHeaders()
                            .set(
                                    pair[0],
                                    pair[1].replace(
                                                    "DATE",
                                                    DateTimeFormatter.RFC_1123_DATE_TIME.format(
                                                            ZonedDateTime.ofInstant(
                                                                    then, ZoneOffset.UTC)))
                                            .replace("EPOCH", "" + then.getEpochSecond()));
                    exchange.sendResponseHeaders(429, -1);
                };
        pull().run(progress);
        assertIsThere();
        assertThat(progress.troubles)
                .anySatisfy(text -> assertThat(text).contains("waiting as the server asked: "));
        // All connections wait: each was told once at most.
        assertThat(server.ranges).hasSizeLessThan(11 + 5);
    }

    @Test
    void aServerThatAsksForTooMuch() {
        server.answer =
                (exchange, file) -> {
                    exchange.getResponseHeaders().set("Retry-After", "86400");
                    exchange.sendResponseHeaders(503, -1);
                };
        assertThatThrownBy(() -> pull().run(progress))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("the server asks to wait 24 h (503)");
        assertThat(server.ranges).hasSize(1);
    }

    @Test
    void aWaitIsSaid() throws IOException {
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) -> {
                    if (count.incrementAndGet() == 1) {
                        exchange.getResponseHeaders().set("Retry-After", "4");
                        exchange.sendResponseHeaders(429, -1);
                    } else {
                        ModelServer.range(exchange, file);
                    }
                };
        pull().run(progress);
        assertThat(progress.lines).containsExactly("the server asks to wait 4 s (429); waiting");
    }

    /** Neither what comes slowly nor what does not come at all is waited for. */
    @ParameterizedTest
    @ValueSource(ints = {20, 100_000})
    void aStopIsNotKeptWaiting(int millis) throws Exception {
        server.answer =
                (exchange, file) ->
                        ModelServer.part(
                                exchange,
                                file,
                                (out, from, to) -> {
                                    for (int at = from; at < to; at++) {
                                        out.write(file[at]);
                                        out.flush();
                                        if (to - from > 16) {
                                            ModelServer.sleep(millis);
                                        }
                                    }
                                });
        Pull pull =
                new Pull(
                        new ModelsFolder(folder),
                        new RemoteModel(
                                "host/m",
                                List.of(
                                        new RemoteFile(
                                                server.url("m.gguf"),
                                                "host/m.gguf",
                                                OptionalLong.empty(),
                                                Optional.empty())),
                                Optional.empty()),
                        new Http(server.url(""), Map.of(), Duration.ofSeconds(30)),
                        Pull.Settings.USUAL);
        AtomicLong stopped = new AtomicLong();
        Thread.ofVirtual()
                .start(
                        () -> {
                            ModelServer.sleep(500);
                            stopped.set(System.nanoTime());
                            pull.stop();
                        });
        assertThatThrownBy(() -> pull.run(progress)).isInstanceOf(CancellationException.class);
        assertThat(System.nanoTime() - stopped.get()).isBetween(0L, 3_000_000_000L);
    }

    @Test
    void theListOfFilesIsAskedForAgain() throws IOException {
        server.files.put(
                "api/models/o/r/tree/main?recursive=true",
                """
                [{"type":"file","path":"one.gguf","size":3}]"""
                        .getBytes());
        AtomicInteger count = new AtomicInteger();
        server.answer =
                (exchange, file) -> {
                    if (count.incrementAndGet() < 3) {
                        exchange.getResponseHeaders().set("Retry-After", "1");
                        exchange.sendResponseHeaders(429, -1);
                    } else {
                        ModelServer.all(exchange, file);
                    }
                };
        RemoteModel found =
                ModelSource.find(
                        "hf:o/r", ModelServer.http(server.uri(""), Map.of()), progress.lines::add);
        assertThat(found.name()).isEqualTo("o/r/one");
        assertThat(count).hasValue(3);
    }

    @Test
    void whatIsCompressedIsRefused() {
        server.answer =
                (exchange, file) -> {
                    exchange.getResponseHeaders().set("Content-Encoding", "gzip");
                    ModelServer.all(exchange, file);
                };
        assertThatThrownBy(() -> pull().run(progress))
                .isInstanceOf(PullException.class)
                .hasMessageContaining("the server sends it compressed (Content-Encoding: gzip)");
    }
}
