package io.github.bigllama.cli.models;

import io.github.bigllama.gguf.HttpSender;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;

/**
 * Requests with the user's token and proxy. Redirects are followed here, because the token is for
 * the server that was named and for no other. Thread-safe.
 */
public final class Http implements HttpSender {
    private static final int MOST_REDIRECTS = 5;
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private final HttpClient client;
    private final Optional<String> token;

    Http(Optional<String> token, ProxySelector proxy) {
        this.token = token;
        client =
                HttpClient.newBuilder()
                        .followRedirects(Redirect.NEVER)
                        .connectTimeout(TIMEOUT)
                        .proxy(proxy)
                        .build();
    }

    /** With the token and the proxy that the environment names. */
    public static Http ofEnvironment() {
        return of(System.getenv());
    }

    static Http of(Map<String, String> environment) {
        return new Http(
                Optional.ofNullable(
                                environment.getOrDefault(
                                        "HF_TOKEN", environment.get("HUGGING_FACE_HUB_TOKEN")))
                        .map(String::strip)
                        .filter(text -> !text.isEmpty()),
                EnvironmentProxy.of(environment));
    }

    /** Whether there is a token to send. */
    boolean hasToken() {
        return token.isPresent();
    }

    @Override
    public HttpResponse<InputStream> send(HttpRequest request)
            throws IOException, InterruptedException {
        URI address = request.uri();
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            HttpRequest.Builder builder =
                    HttpRequest.newBuilder(request, (name, value) -> true).uri(address);
            if (token.isPresent() && isSameServer(address, request.uri())) {
                builder.setHeader("Authorization", "Bearer " + token.get());
            }
            HttpResponse<InputStream> response =
                    client.send(builder.build(), BodyHandlers.ofInputStream());
            Optional<String> location = redirect(response.statusCode(), response.headers());
            if (location.isEmpty()) {
                return response;
            }
            response.body().close();
            address = follow(address, location.get());
        }
        throw new IOException("more than " + MOST_REDIRECTS + " redirects");
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
        return one.getScheme().equals(other.getScheme())
                && one.getHost().equalsIgnoreCase(other.getHost())
                && one.getPort() == other.getPort();
    }

    /** An address as a socket would need it; for the proxy. */
    static InetSocketAddress socket(URI address) {
        int port = address.getPort() < 0 ? 80 : address.getPort();
        return InetSocketAddress.createUnresolved(address.getHost(), port);
    }
}
