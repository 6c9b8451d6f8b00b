package io.github.bigllama.cli.command;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import io.github.bigllama.cli.Bundle;
import io.github.bigllama.cli.Bundle.Result;
import io.github.bigllama.cli.process.ExitCode;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code bigllama pull}, {@code list} and {@code rm}, and the names that {@code --model} takes. */
class PullIT {
    @TempDir Path folder;
    private HttpServer server;
    private String address;
    private Bundle bundle;

    @BeforeEach
    void start() throws IOException {
        bundle = Bundle.built().with("BIGLLAMA_MODELS", folder.toString());
        byte[] model = Files.readAllBytes(bundle.demoModel());
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext(
                "/demo-Q8_0.gguf",
                exchange -> {
                    String[] range =
                            exchange.getRequestHeaders()
                                    .getFirst("Range")
                                    .replace("bytes=", "")
                                    .split("-");
                    int from = Integer.parseInt(range[0]);
                    int to = Math.min(Integer.parseInt(range[1]), model.length - 1);
                    exchange.getResponseHeaders()
                            .set(
                                    "Content-Range",
                                    String.format(
                                            Locale.ROOT, "bytes %d-%d/%d", from, to, model.length));
                    exchange.sendResponseHeaders(206, to - from + 1);
                    exchange.getResponseBody().write(model, from, to - from + 1);
                    exchange.close();
                });
        server.createContext(
                "/whole.gguf",
                exchange -> {
                    exchange.sendResponseHeaders(200, model.length);
                    exchange.getResponseBody().write(model);
                    exchange.close();
                });
        server.setExecutor(Executors.newVirtualThreadPerTaskExecutor());
        server.start();
        address = String.format(Locale.ROOT, "http://localhost:%d/", server.getAddress().getPort());
    }

    @AfterEach
    void stop() {
        server.stop(0);
    }

    @Test
    void aModelIsPulledListedRunAndDeleted() {
        Result none = bundle.run("list");
        assertThat(none.out()).isEmpty();
        assertThat(none.err()).contains("bigllama pull downloads one");

        Result pulled = bundle.run("pull", address + "demo-Q8_0.gguf");
        String name =
                String.format(Locale.ROOT, "localhost:%d/demo-Q8_0", server.getAddress().getPort());
        Path file = folder.resolve(name + ".gguf");
        assertThat(pulled.exitCode()).as(pulled.err()).isZero();
        assertThat(pulled.out()).isEqualTo(file + "\n");
        assertThat(pulled.err())
                .contains("bigllama: verdict      fits: all of it stays in RAM")
                .contains(" tokens/s");
        assertThat(file).hasSameBinaryContentAs(bundle.demoModel());

        Result again = bundle.run("pull", address + "demo-Q8_0.gguf");
        assertThat(again.exitCode()).isZero();
        assertThat(again.err()).contains("is already there");

        assertThat(bundle.run("list").out()).matches(name + " +3\\.7 MB +\\d{4}-\\d{2}-\\d{2}\n");
        assertThat(
                        bundle.run(
                                        "run",
                                        "--model",
                                        "demo-q8",
                                        "--greedy",
                                        "What is the capital of France?")
                                .out())
                .isEqualTo("The capital of France is Paris.\n");
        assertThat(bundle.run("inspect", name).out()).contains("architecture   llama");

        Result asks = bundle.run("rm", "demo");
        assertThat(asks.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(asks.err()).contains("add --yes").hasLineCount(1);
        Result part = bundle.run("rm", "--yes", "demo");
        assertThat(part.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(part.err()).contains("--yes needs the full name: " + name);
        assertThat(bundle.run("rm", "--yes", name).exitCode()).isZero();
        assertThat(file.getParent()).doesNotExist();
        assertThat(bundle.run("list").err()).contains("there are no models in " + folder);
        Result unknown = bundle.run("rm", "--yes", "demo");
        assertThat(unknown.err()).contains("there is no model demo in " + folder);
    }

    /** The first connection may be the slow one, and the forecast reads the header on it. */
    @Test
    void aHeaderThatTricklesDoesNotKeepTheDownloadWaiting() throws IOException {
        byte[] model = Files.readAllBytes(bundle.demoModel());
        AtomicInteger headers = new AtomicInteger();
        server.createContext(
                "/slow.gguf",
                exchange -> {
                    String[] range =
                            exchange.getRequestHeaders()
                                    .getFirst("Range")
                                    .replace("bytes=", "")
                                    .split("-");
                    int from = Integer.parseInt(range[0]);
                    int to = Math.min(Integer.parseInt(range[1]), model.length - 1);
                    exchange.getResponseHeaders()
                            .set(
                                    "Content-Range",
                                    String.format(
                                            Locale.ROOT, "bytes %d-%d/%d", from, to, model.length));
                    exchange.sendResponseHeaders(206, to - from + 1);
                    boolean isHeader = from == 0 && to > 0 && to < 1 << 20;
                    for (int i = from; isHeader && i <= to; i += 1024) {
                        headers.incrementAndGet();
                        exchange.getResponseBody().write(model, i, Math.min(1024, to - i + 1));
                        exchange.getResponseBody().flush();
                        LockSupport.parkNanos(1_000_000_000);
                    }
                    if (!isHeader) {
                        exchange.getResponseBody().write(model, from, to - from + 1);
                    }
                    exchange.close();
                });
        Result pulled = bundle.run("pull", address + "slow.gguf");
        assertThat(pulled.exitCode()).as(pulled.err()).isZero();
        assertThat(pulled.err())
                .contains("bigllama: verdict      fits: all of it stays in RAM")
                .doesNotContain("cannot forecast");
        assertThat(headers.get()).isBetween(8, 14);
    }

    /** Then the headers are known only when all of it is here. */
    @Test
    void aServerThatSendsNoPartsIsNoReasonForNoForecast() {
        Result pulled = bundle.run("pull", address + "whole.gguf");
        assertThat(pulled.exitCode()).as(pulled.err()).isZero();
        assertThat(pulled.err())
                .contains("bigllama: verdict      fits: all of it stays in RAM")
                .doesNotContain("cannot forecast");
    }

    @Test
    void whatIsNotThereIsSaidInOneLine() {
        Result missing = bundle.run("pull", "--no-plan", address + "other.gguf");
        assertThat(missing.exitCode()).isEqualTo(ExitCode.FAILED);
        assertThat(missing.err()).contains("no such file (404)").hasLineCount(1);
        Result nothing = bundle.run("pull", "some-model");
        assertThat(nothing.exitCode()).isEqualTo(ExitCode.USAGE);
        assertThat(nothing.err()).contains("write hf:owner/repo or https://").hasLineCount(1);
        Result unknown = bundle.run("run", "--model", "some-model", "Hello");
        assertThat(unknown.exitCode()).isEqualTo(ExitCode.FAILED);
        assertThat(unknown.err()).contains("some-model: no such file").hasLineCount(1);
    }
}
