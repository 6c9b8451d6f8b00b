package io.github.bigllama.cli.models;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.Patience;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import okhttp3.HttpUrl;

/** A web server with files in memory that behaves as badly as it is told to. */
final class ModelServer implements AutoCloseable {
    /** Answers a request. */
    interface Answer {
        void to(HttpExchange exchange, byte[] file) throws IOException;
    }

    /** How long a server may say nothing. */
    static final Duration PATIENCE = Duration.ofMillis(500);

    /** Small blocks, and no long waits. */
    static final Pull.Settings SETTINGS =
            new Pull.Settings(
                    10_000,
                    new Patience.Limits(
                            Duration.ofMillis(800), Duration.ofMillis(1500), Duration.ofMillis(1)),
                    Duration.ofMillis(300));

    final Map<String, byte[]> files = new ConcurrentHashMap<>();

    /** Ranges that were asked for, in order, as {@code 0-9}. */
    final List<String> ranges = Collections.synchronizedList(new ArrayList<>());

    /** All that was asked for in ranges. */
    final AtomicLong bytes = new AtomicLong();

    /** The tokens that came with requests. */
    final List<String> tokens = Collections.synchronizedList(new ArrayList<>());

    volatile Answer answer = ModelServer::range;
    private final HttpServer server;
    private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();

    ModelServer() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::handle);
        server.start();
    }

    HttpUrl url(String path) {
        return HttpUrl.get(uri(path));
    }

    /** Requests with this environment. */
    static Http http(URI endpoint, Map<String, String> environment) {
        return new Http(HttpUrl.get(endpoint), environment, PATIENCE);
    }

    URI uri(String path) {
        return URI.create(
                String.format(
                        Locale.ROOT,
                        "http://localhost:%d/%s",
                        server.getAddress().getPort(),
                        path));
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String authorization = exchange.getRequestHeaders().getFirst("Authorization");
            if (authorization != null) {
                tokens.add(authorization);
            }
            String range = exchange.getRequestHeaders().getFirst("Range");
            if (range != null) {
                ranges.add(range.replace("bytes=", ""));
                bytes.addAndGet(length(range));
            }
            String path = exchange.getRequestURI().getPath().substring(1);
            String query = exchange.getRequestURI().getRawQuery();
            byte[] file = files.get(query == null ? path : path + "?" + query);
            if (file == null) {
                exchange.sendResponseHeaders(404, -1);
            } else {
                answer.to(exchange, file);
            }
        }
    }

    private static long length(String range) {
        String[] ends = range.replace("bytes=", "").split("-");
        return Long.parseLong(ends[1]) - Long.parseLong(ends[0]) + 1;
    }

    static long from(HttpExchange exchange) {
        String range = exchange.getRequestHeaders().getFirst("Range");
        return Long.parseLong(range.replace("bytes=", "").split("-")[0]);
    }

    /** As a good server does. */
    static void range(HttpExchange exchange, byte[] file) throws IOException {
        range(exchange, file, "\"v1\"");
    }

    static void range(HttpExchange exchange, byte[] file, String tag) throws IOException {
        String range = exchange.getRequestHeaders().getFirst("Range");
        if (range == null) {
            all(exchange, file);
            return;
        }
        exchange.getResponseHeaders().set("ETag", tag);
        part(exchange, file, (out, from, to) -> out.write(file, from, to - from));
    }

    /** Writes the body of a range, from the first to before the last byte. */
    interface Body {
        void write(OutputStream out, int from, int to) throws IOException;
    }

    /** The range that is asked for, with a body that may be as it likes. */
    static void part(HttpExchange exchange, byte[] file, Body body) throws IOException {
        String[] ends =
                exchange.getRequestHeaders().getFirst("Range").replace("bytes=", "").split("-");
        int from = Integer.parseInt(ends[0]);
        int to = Math.min(Integer.parseInt(ends[1]), file.length - 1) + 1;
        exchange.getResponseHeaders()
                .set(
                        "Content-Range",
                        String.format(Locale.ROOT, "bytes %d-%d/%d", from, to - 1, file.length));
        exchange.getResponseHeaders().putIfAbsent("ETag", List.of("\"v1\""));
        exchange.sendResponseHeaders(206, to - from);
        body.write(exchange.getResponseBody(), from, to);
    }

    static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** As a server without ranges does. */
    static void all(HttpExchange exchange, byte[] file) throws IOException {
        exchange.sendResponseHeaders(200, file.length);
        exchange.getResponseBody().write(file);
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
