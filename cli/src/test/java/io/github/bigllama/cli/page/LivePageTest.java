package io.github.bigllama.cli.page;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LivePageTest {
    private static final int VIEWERS = 50;

    private final HttpClient client = HttpClient.newHttpClient();
    private final AtomicInteger taken = new AtomicInteger();

    private PageSnapshot snapshot() {
        return new PageSnapshot(
                "m<i>.gguf",
                taken.incrementAndGet(),
                null,
                List.of(new PageSnapshot.Layer("0", 100, "99", "90")),
                List.of(),
                null,
                List.of());
    }

    private HttpResponse<String> get(URI address) throws Exception {
        return client.send(HttpRequest.newBuilder(address).build(), BodyHandlers.ofString());
    }

    private Stream<String> events(LivePage page) throws Exception {
        return client.send(
                        HttpRequest.newBuilder(page.address().resolve("/residency/events")).build(),
                        BodyHandlers.ofLines())
                .body();
    }

    @Test
    void showsSnapshotsToAllViewersAtTheCostOfOne() throws Exception {
        try (LivePage page = LivePage.open(0, this::snapshot, () -> "up 1\n")) {
            assertThat(get(page.address()).body()).contains("<!doctype html>");
            assertThat(get(page.address()).headers().firstValue("Content-Security-Policy"))
                    .isPresent();
            // Nobody looks.
            Thread.sleep(1500);
            assertThat(taken).hasValue(0);
            List<Iterator<String>> viewers = new ArrayList<>();
            for (int i = 0; i < VIEWERS; i++) {
                viewers.add(events(page).iterator());
            }
            for (Iterator<String> viewer : viewers) {
                assertThat(viewer.next())
                        .startsWith("data: {")
                        .contains("\"model\":\"m<i>.gguf\"", "\"resident\":\"99\"")
                        .doesNotContain("plan");
            }
            assertThat(taken.get()).isLessThan(VIEWERS / 2);
        }
    }

    @Test
    void endsForItsViewers() throws Exception {
        Stream<String> events;
        try (LivePage page = LivePage.open(0, this::snapshot, () -> "up 1\n")) {
            events = events(page);
        }
        assertThat(events.filter(line -> line.startsWith("data")).count()).isLessThan(3);
    }

    @Test
    void answersOnlyThisMachine() throws Exception {
        try (LivePage page = LivePage.open(0, this::snapshot, () -> "up 1\n")) {
            HttpRequest post =
                    HttpRequest.newBuilder(page.address()).POST(BodyPublishers.noBody()).build();
            assertThat(client.send(post, BodyHandlers.discarding()).statusCode()).isEqualTo(405);
            assertThat(get(page.address().resolve("/etc")).statusCode()).isEqualTo(404);
            assertThat(get(page.address().resolve("/metrics")).body()).isEqualTo("up 1\n");
            assertThat(status(page, "127.0.0.1:1")).contains("200");
            // The name of a page elsewhere that was given this machine's address.
            assertThat(status(page, "evil.example")).contains("403");
        }
    }

    private static String status(LivePage page, String host) throws IOException {
        try (Socket socket =
                new Socket(InetAddress.getByName("127.0.0.1"), page.address().getPort())) {
            socket.getOutputStream()
                    .write(
                            ("GET /residency HTTP/1.1\r\nHost: " + host + "\r\n\r\n")
                                    .getBytes(StandardCharsets.UTF_8));
            return new BufferedReader(new InputStreamReader(socket.getInputStream())).readLine();
        }
    }

    @Test
    void takesAnotherPortIfItsOwnIsTaken() {
        try (LivePage first = LivePage.open(0, this::snapshot, () -> "up 1\n");
                LivePage second =
                        LivePage.open(first.address().getPort(), this::snapshot, () -> "")) {
            assertThat(second.address()).isNotEqualTo(first.address());
        }
    }
}
