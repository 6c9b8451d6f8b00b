package io.github.bigllama.cli.page;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.lang.System.Logger.Level;
import java.net.BindException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;

/**
 * A page that shows live where the weights of a model are, for browsers on this machine. One
 * snapshot a second is taken for all viewers, and none without viewers; a viewer that reads slowly
 * misses snapshots.
 */
public final class LivePage implements AutoCloseable {
    private static final String PATH = "/residency";
    private static final int MOST_VIEWERS = 200;
    private static final long PERIOD_MILLIS = 1000;
    private static final System.Logger LOGGER = System.getLogger(LivePage.class.getName());
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** Names of this machine; another one means that a page elsewhere asks through its own name. */
    private static final List<String> LOCAL = List.of("127.0.0.1", "localhost", "[::1]");

    private final HttpServer server;
    private final ExecutorService viewers = Executors.newVirtualThreadPerTaskExecutor();
    private final Supplier<PageSnapshot> source;
    private final Supplier<String> metrics;
    private final byte[] page;
    private final AtomicInteger count = new AtomicInteger();
    private final Thread ticker;

    /** The last snapshot, and its number; guarded by this. */
    private byte[] latest = {};

    private long number;
    private boolean isClosed;

    private LivePage(
            HttpServer server,
            Supplier<PageSnapshot> source,
            Supplier<String> metrics,
            byte[] page) {
        this.server = server;
        this.source = source;
        this.metrics = metrics;
        this.page = page;
        this.ticker = Thread.ofVirtual().name("bigllama-page").unstarted(this::tick);
    }

    /**
     * Opens the page.
     *
     * @param port the port to listen at; another one that is free if it is taken
     * @param source is asked for snapshots, on one thread
     * @param metrics is asked for what {@code /metrics} says, in Prometheus' text format
     */
    public static LivePage open(int port, Supplier<PageSnapshot> source, Supplier<String> metrics) {
        try (InputStream in = LivePage.class.getResourceAsStream("page.html")) {
            LivePage live = new LivePage(listen(port), source, metrics, in.readAllBytes());
            live.server.createContext("/", live::handle);
            live.server.setExecutor(live.viewers);
            live.server.start();
            live.ticker.start();
            return live;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static HttpServer listen(int port) throws IOException {
        InetAddress loopback = InetAddress.getByName("127.0.0.1");
        try {
            return HttpServer.create(new InetSocketAddress(loopback, port), 0);
        } catch (BindException e) {
            return HttpServer.create(new InetSocketAddress(loopback, 0), 0);
        }
    }

    /** Its address. */
    public URI address() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + PATH);
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            String host = String.valueOf(exchange.getRequestHeaders().getFirst("Host"));
            String path = exchange.getRequestURI().getPath();
            if (!exchange.getRequestMethod().equals("GET")) {
                exchange.sendResponseHeaders(405, -1);
            } else if (!LOCAL.contains(host.replaceFirst(":\\d+$", ""))) {
                exchange.sendResponseHeaders(403, -1);
            } else if (path.equals("/")) {
                exchange.getResponseHeaders().set("Location", PATH);
                exchange.sendResponseHeaders(302, -1);
            } else if (path.equals(PATH)) {
                send(exchange, "text/html; charset=utf-8", page);
            } else if (path.equals("/metrics")) {
                send(
                        exchange,
                        "text/plain; version=0.0.4; charset=utf-8",
                        metrics.get().getBytes(StandardCharsets.UTF_8));
            } else if (path.equals(PATH + "/events")) {
                stream(exchange);
            } else {
                exchange.sendResponseHeaders(404, -1);
            }
        }
    }

    private static void send(HttpExchange exchange, String type, byte[] body) throws IOException {
        exchange.getResponseHeaders().set("Content-Type", type);
        exchange.getResponseHeaders()
                .set(
                        "Content-Security-Policy",
                        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline';"
                                + " connect-src 'self'; img-src data:");
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
    }

    private void stream(HttpExchange exchange) throws IOException {
        if (count.incrementAndGet() > MOST_VIEWERS) {
            count.decrementAndGet();
            exchange.sendResponseHeaders(503, -1);
            return;
        }
        try {
            exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
            exchange.getResponseHeaders().set("Cache-Control", "no-store");
            exchange.sendResponseHeaders(200, 0);
            OutputStream out = exchange.getResponseBody();
            long seen = 0;
            while (true) {
                byte[] event;
                synchronized (this) {
                    while (number == seen && !isClosed) {
                        wait();
                    }
                    if (isClosed) {
                        return;
                    }
                    seen = number;
                    event = latest;
                }
                out.write(event);
                out.flush();
            }
        } catch (IOException e) {
            // The viewer has gone.
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            count.decrementAndGet();
        }
    }

    private void tick() {
        try {
            while (true) {
                if (count.get() > 0) {
                    publish(source.get());
                }
                Thread.sleep(PERIOD_MILLIS);
            }
        } catch (InterruptedException e) {
            // It is being closed.
        } catch (RuntimeException e) {
            LOGGER.log(Level.ERROR, "the page of the weights has ended", e);
        }
    }

    private void publish(PageSnapshot snapshot) {
        String json;
        try {
            json = MAPPER.writeValueAsString(snapshot);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        synchronized (this) {
            latest = ("data: " + json + "\n\n").getBytes(StandardCharsets.UTF_8);
            number++;
            notifyAll();
        }
    }

    /** Ends the page for all viewers. */
    @Override
    public void close() {
        synchronized (this) {
            isClosed = true;
            notifyAll();
        }
        ticker.interrupt();
        // Viewers are told; whoever does not read has a second.
        server.stop(1);
        viewers.close();
        try {
            ticker.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
