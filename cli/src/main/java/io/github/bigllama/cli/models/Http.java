package io.github.bigllama.cli.models;

import io.github.bigllama.core.gguf.HttpSender;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.net.http.HttpClient.Version;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Requests with the user's token and proxy. Redirects are followed here, because the token is for
 * the server it was made for and for no other. Thread-safe.
 */
public final class Http implements HttpSender {
    private static final int MOST_REDIRECTS = 5;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(30);
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final HttpClient client;
    private final URI endpoint;
    private final Optional<String> token;

    /**
     * What came in the end.
     *
     * @param linkedEtag what a redirecting server said of the file that it redirects to
     */
    record Answer(HttpResponse<InputStream> response, Optional<String> linkedEtag) {}

    /**
     * With a token for one server.
     *
     * @param endpoint the server
     */
    Http(URI endpoint, Optional<String> token, ProxySelector proxy) {
        this.endpoint = endpoint;
        this.token = token;
        // Version 2 would send all ranges through one connection.
        client =
                HttpClient.newBuilder()
                        .version(Version.HTTP_1_1)
                        .followRedirects(Redirect.NEVER)
                        .connectTimeout(CONNECT_TIMEOUT)
                        .proxy(proxy)
                        .build();
    }

    /**
     * With the token and the proxy that the environment names.
     *
     * @param endpoint the server that the token is for
     */
    public static Http ofEnvironment(URI endpoint) {
        return of(endpoint, System.getenv());
    }

    static Http of(URI endpoint, Map<String, String> environment) {
        return new Http(
                endpoint,
                Optional.ofNullable(
                                environment.getOrDefault(
                                        "HF_TOKEN", environment.get("HUGGING_FACE_HUB_TOKEN")))
                        .map(String::strip)
                        .filter(text -> !text.isEmpty()),
                EnvironmentProxy.of(environment));
    }

    private boolean hasToken(URI address) {
        return token.isPresent() && isSameServer(address, endpoint);
    }

    /** Why a server may have refused, and what can be done about it. */
    String adviceOnRefusal(URI address) {
        if (hasToken(address)) {
            return "the token may not read it; has its licence been accepted?";
        }
        return isSameServer(address, endpoint)
                ? "it wants a token; set HF_TOKEN"
                : "it wants a token, and HF_TOKEN is for %s only; set HF_ENDPOINT if that is meant"
                        .formatted(endpoint);
    }

    @Override
    public HttpResponse<InputStream> send(HttpRequest request)
            throws IOException, InterruptedException {
        return answer(request).response();
    }

    /**
     * Sends a request and follows redirects, until the headers of the answer are there.
     *
     * @throws IOException if they do not come within the request's timeout, or one of a minute
     */
    Answer answer(HttpRequest request) throws IOException, InterruptedException {
        URI address = request.uri();
        Optional<String> linkedEtag = Optional.empty();
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            HttpRequest.Builder builder = HttpRequest.newBuilder(address);
            request.headers()
                    .map()
                    .forEach((name, values) -> values.forEach(v -> builder.header(name, v)));
            if (hasToken(address)) {
                builder.header("Authorization", "Bearer " + token.get());
            }
            HttpResponse<InputStream> response =
                    sendOne(builder.build(), request.timeout().orElse(TIMEOUT));
            Optional<String> linked = response.headers().firstValue("X-Linked-Etag");
            linkedEtag = linked.isPresent() ? linked : linkedEtag;
            Optional<String> location = redirect(response.statusCode(), response.headers());
            if (location.isEmpty()) {
                return new Answer(response, linkedEtag);
            }
            response.body().close();
            address = follow(address, location.get());
        }
        throw new IOException("more than " + MOST_REDIRECTS + " redirects");
    }

    /** A request's own timeout covers the body too in newer Java, and models take hours. */
    private HttpResponse<InputStream> sendOne(HttpRequest request, Duration timeout)
            throws IOException, InterruptedException {
        CompletableFuture<HttpResponse<InputStream>> response =
                client.sendAsync(request, BodyHandlers.ofInputStream());
        try {
            return response.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
        } catch (ExecutionException e) {
            Throwable cause = e.getCause();
            throw new IOException(
                    cause.getMessage() == null ? cause.toString() : cause.getMessage(), cause);
        } catch (TimeoutException e) {
            throw new IOException("no answer within " + timeout.toSeconds() + " s", e);
        } finally {
            // Has no effect on what is there already.
            response.cancel(true);
        }
    }

    private static Optional<String> redirect(int status, HttpHeaders headers) {
        return switch (status) {
            case 301, 302, 303, 307, 308 -> headers.firstValue("Location");
            default -> Optional.empty();
        };
    }

    private static URI follow(URI from, String location) throws IOException {
        try {
            URI to = from.resolve(location);
            boolean isLessSafe =
                    "https".equals(from.getScheme()) && !"https".equals(to.getScheme());
            if (to.getHost() != null && !isLessSafe) {
                return to;
            }
        } catch (IllegalArgumentException e) {
            // As below.
        }
        throw new IOException("the server redirects to '" + location + "'");
    }

    private static boolean isSameServer(URI one, URI other) {
        return one.getScheme().equalsIgnoreCase(other.getScheme())
                && one.getHost().equalsIgnoreCase(other.getHost())
                && one.getPort() == other.getPort();
    }

    /** An address as a socket would need it; for the proxy. */
    static InetSocketAddress socket(URI address) {
        int port = address.getPort() < 0 ? 80 : address.getPort();
        return InetSocketAddress.createUnresolved(address.getHost(), port);
    }
}
