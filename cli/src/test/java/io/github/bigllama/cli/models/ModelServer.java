package io.github.bigllama.cli.models;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/** A web server with files in memory that behaves as badly as it is told to. */
final class ModelServer implements AutoCloseable {
    /** Answers a request. */
    interface Answer {
        void to(HttpExchange exchange, byte[] file) throws IOException;
    }

    final Map<String, byte[]> files = new ConcurrentHashMap<>();

    /** Ranges that were asked for, in order, as {@code 0-9}. */
    final List<String> ranges = Collections.synchronizedList(new ArrayList<>());

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

    URI uri(String path) {
        return URI.create("http://localhost:%d/%s".formatted(server.getAddress().getPort(), path));
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
        String[] ends = range.replace("bytes=", "").split("-");
        int from = Integer.parseInt(ends[0]);
        int to = Math.min(Integer.parseInt(ends[1]), file.length - 1);
        exchange.getResponseHeaders()
                .set("Content-Range", "bytes %d-%d/%d".formatted(from, to, file.length));
        exchange.getResponseHeaders().set("ETag", tag);
        exchange.sendResponseHeaders(206, to - from + 1);
        exchange.getResponseBody().write(file, from, to - from + 1);
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
