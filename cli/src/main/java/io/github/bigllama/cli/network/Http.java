package io.github.bigllama.cli.network;

import io.github.bigllama.core.gguf.HttpSender;
import java.io.IOException;
import java.net.PasswordAuthentication;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;
import okhttp3.Call;
import okhttp3.ConnectionPool;
import okhttp3.Credentials;
import okhttp3.HttpUrl;
import okhttp3.OkHttpClient;
import okhttp3.Protocol;
import okhttp3.Request;
import org.jspecify.annotations.Nullable;

/**
 * Requests with the user's token, proxy and certificate authorities. Redirects are followed here,
 * because the token must only be sent to the server that it belongs to. Thread-safe.
 */
public final class Http implements HttpSender {
    private static final int MOST_REDIRECTS = 5;
    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(20);

    /** How long a server may stay silent. */
    private static final Duration READ_TIMEOUT = Duration.ofSeconds(30);

    private final HttpUrl endpoint;
    private final Optional<String> token;
    private final Proxies proxies;
    private final Duration readTimeout;
    private final Map<String, String> environment;

    /** Calls under way, until their response has been read to its end. */
    private final Set<Call> calls = ConcurrentHashMap.newKeySet();

    private final ConnectionPool connections = new ConnectionPool();
    private final Map<Object, OkHttpClient> clients = new HashMap<>();

    /**
     * The response after all redirects.
     *
     * @param linkedEtag the ETag that a redirecting server gave for the file
     */
    public record Answer(
            okhttp3.Response response, Optional<String> linkedEtag, Runnable whenClosed)
            implements AutoCloseable {
        public int status() {
            return response.code();
        }

        public Optional<String> header(String name) {
            return Optional.ofNullable(response.header(name));
        }

        @Override
        public void close() {
            whenClosed.run();
            response.close();
        }
    }

    public Http(HttpUrl endpoint, Map<String, String> environment, Duration readTimeout) {
        this.endpoint = endpoint;
        this.environment = Map.copyOf(environment);
        this.readTimeout = readTimeout;
        proxies = Proxies.of(environment);
        token =
                Optional.ofNullable(
                                environment.getOrDefault(
                                        "HF_TOKEN", environment.get("HUGGING_FACE_HUB_TOKEN")))
                        .map(String::strip)
                        .filter(text -> !text.isEmpty());
        if (token.isPresent() && !token.get().matches("[!-~]+")) {
            throw new PullException(
                    "HF_TOKEN is not a valid token: it contains blanks or special " + "characters");
        }
    }

    /**
     * A client with the token, the proxies and the certificate authorities that the environment
     * names.
     *
     * @param endpoint the address of Hugging Face, or of a server with the same API; the token is
     *     for that server
     * @throws IllegalArgumentException if it is not the address of a web server
     */
    public static Http ofEnvironment(String endpoint) {
        HttpUrl address = HttpUrl.parse(endpoint.strip());
        if (address == null) {
            throw new IllegalArgumentException(
                    "the endpoint '%s' is not the address of a web server; write https://..."
                            .formatted(endpoint));
        }
        return new Http(address, System.getenv(), READ_TIMEOUT);
    }

    public HttpUrl endpoint() {
        return endpoint;
    }

    private boolean hasToken(HttpUrl address) {
        return token.isPresent() && isSameServer(address, endpoint);
    }

    /** Why a server may have refused, and what to do about it. */
    public String adviceOnRefusal(HttpUrl address) {
        if (hasToken(address)) {
            return "the token may not read it; has its licence been accepted?";
        }
        return isSameServer(address, endpoint)
                ? "it needs a token; set HF_TOKEN"
                : "it needs a token, but HF_TOKEN is only for %s; set HF_ENDPOINT if it is for this server"
                        .formatted(shown(endpoint));
    }

    @Override
    public HttpSender.Response get(URI address, Map<String, String> headers) throws IOException {
        HttpUrl url = HttpUrl.get(address);
        if (url == null) {
            throw new IOException("is not the address of a file on a web server");
        }
        Answer answer = answer(url, headers);
        answer.whenClosed().run();
        okhttp3.Response response = answer.response();
        Map<String, String> first = new HashMap<>();
        response.headers().names().forEach(name -> first.put(name, response.header(name)));
        return new HttpSender.Response(response.code(), first, response.body().byteStream());
    }

    /**
     * Sends a request, follows redirects, and returns when the headers of the response have
     * arrived.
     *
     * @throws NetworkException if they do not arrive, with the reason in words
     */
    public Answer answer(HttpUrl first, Map<String, String> headers) throws IOException {
        HttpUrl address = first;
        Optional<String> linkedEtag = Optional.empty();
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            Call call = call(address, headers);
            calls.add(call);
            okhttp3.Response response = send(call, address);
            linkedEtag =
                    Optional.ofNullable(response.header("X-Linked-Etag", linkedEtag.orElse(null)));
            String location = isRedirect(response.code()) ? response.header("Location") : null;
            if (location == null) {
                return new Answer(response, linkedEtag, () -> calls.remove(call));
            }
            calls.remove(call);
            response.close();
            address = follow(address, location);
        }
        throw new PullException(shown(first) + ": more than " + MOST_REDIRECTS + " redirects");
    }

    private Call call(HttpUrl address, Map<String, String> headers) {
        Proxies.Server proxy = proxies.of(address).orElse(null);
        Request.Builder request = new Request.Builder().url(address);
        headers.forEach(request::header);
        if (hasToken(address)) {
            request.header("Authorization", "Bearer " + token.get());
        } else if (!address.username().isEmpty()) {
            request.header(
                    "Authorization",
                    Credentials.basic(
                            address.username(), address.password(), StandardCharsets.UTF_8));
        }
        if (!address.isHttps()) {
            // Through a tunnel, the server would see the header.
            Optional.ofNullable(proxy)
                    .filter(server -> server.type() == java.net.Proxy.Type.HTTP)
                    .flatMap(Proxies.Server::credentials)
                    .ifPresent(text -> request.header("Proxy-Authorization", text));
        }
        return client(proxy, address.isHttps()).newCall(request.build());
    }

    private okhttp3.Response send(Call call, HttpUrl address) throws IOException {
        Proxies.Server proxy = proxies.of(address).orElse(null);
        okhttp3.Response response = null;
        try {
            response = call.execute();
        } catch (IOException e) {
            throw NetworkException.of(e, address, proxy, readTimeout);
        } finally {
            if (response == null) {
                calls.remove(call);
            }
        }
        if (response.code() == 407) {
            calls.remove(call);
            response.close();
            throw wantsUser(proxy);
        }
        return response;
    }

    /** The reason why the rest of a response did not arrive. */
    public IOException failure(IOException failure, HttpUrl address) {
        return NetworkException.of(failure, address, null, readTimeout);
    }

    private static PullException wantsUser(Proxies.@Nullable Server proxy) {
        return new PullException(
                proxy == null
                        ? "a proxy needs a user and a password (407)"
                        : proxy.user().isPresent()
                                ? proxy
                                        + " refuses the user and the password of "
                                        + "the variable (407)"
                                : String.format(
                                        Locale.ROOT,
                                        "%s needs a user and a password (407); write http://user:password@%s:%d into %s",
                                        proxy,
                                        proxy.host(),
                                        proxy.port(),
                                        proxy.variable()));
    }

    private OkHttpClient client(Proxies.@Nullable Server proxy, boolean isSecure) {
        synchronized (clients) {
            return clients.computeIfAbsent(
                    List.of(String.valueOf(proxy), isSecure), key -> make(proxy, isSecure));
        }
    }

    private OkHttpClient make(Proxies.@Nullable Server proxy, boolean isSecure) {
        OkHttpClient.Builder builder =
                new OkHttpClient.Builder()
                        .connectionPool(connections)
                        // HTTP/2 would send all ranges through one connection.
                        .protocols(List.of(Protocol.HTTP_1_1))
                        .followRedirects(false)
                        .followSslRedirects(false)
                        .connectTimeout(CONNECT_TIMEOUT)
                        .readTimeout(readTimeout)
                        .proxy(proxy == null ? java.net.Proxy.NO_PROXY : proxy.proxy());
        if (proxy != null) {
            authenticate(builder, proxy);
        }
        if (isSecure) {
            X509TrustManager trusted = Certificates.of(environment);
            try {
                SSLContext context = SSLContext.getInstance("TLS");
                context.init(null, new TrustManager[] {trusted}, null);
                builder.sslSocketFactory(context.getSocketFactory(), trusted);
            } catch (GeneralSecurityException e) {
                throw new AssertionError("every Java has TLS", e);
            }
        }
        return builder.build();
    }

    private static void authenticate(OkHttpClient.Builder builder, Proxies.Server server) {
        if (server.type() == java.net.Proxy.Type.SOCKS) {
            server.user().ifPresent(Http::setSocksUser);
            return;
        }
        builder.proxyAuthenticator(
                (route, response) -> {
                    boolean wasTried = response.request().header("Proxy-Authorization") != null;
                    boolean isAsked = response.challenges().stream().noneMatch(Http::isPreemptive);
                    Optional<String> credentials = server.credentials();
                    if (wasTried || isAsked && credentials.isEmpty()) {
                        throw wantsUser(server);
                    }
                    return credentials
                            .map(
                                    text ->
                                            response.request()
                                                    .newBuilder()
                                                    .header("Proxy-Authorization", text)
                                                    .build())
                            .orElse(null);
                });
    }

    /** OkHttp asks before it opens a tunnel, so that the first request has the credentials. */
    private static boolean isPreemptive(okhttp3.Challenge challenge) {
        return challenge.scheme().equalsIgnoreCase("OkHttp-Preemptive");
    }

    /** Java asks this authenticator whenever it connects through SOCKS. */
    private static void setSocksUser(String[] user) {
        java.net.Authenticator.setDefault(
                new java.net.Authenticator() {
                    @Override
                    protected PasswordAuthentication getPasswordAuthentication() {
                        return "SOCKS5".equals(getRequestingProtocol())
                                ? new PasswordAuthentication(user[0], user[1].toCharArray())
                                : null;
                    }
                });
    }

    /** Ends all requests that are under way. */
    public void cancelAll() {
        calls.forEach(Call::cancel);
    }

    private static boolean isRedirect(int status) {
        return switch (status) {
            case 301, 302, 303, 307, 308 -> true;
            default -> false;
        };
    }

    private static HttpUrl follow(HttpUrl from, String location) {
        HttpUrl to = from.resolve(location);
        if (to == null || from.isHttps() && !to.isHttps()) {
            // A query may be secret.
            throw new PullException(
                    "%s: the server redirects to '%s', which is not followed"
                            .formatted(
                                    shown(from),
                                    to == null
                                            ? location.replaceFirst("\\?.*", "?...")
                                            : shown(to)));
        }
        return to;
    }

    private static boolean isSameServer(HttpUrl one, HttpUrl other) {
        return one.scheme().equals(other.scheme())
                && one.host().equals(other.host())
                && one.port() == other.port();
    }

    /** An address that may be shown: a query or a user may be secret. */
    public static String shown(HttpUrl address) {
        return address.newBuilder().username("").password("").query(null).fragment(null).build()
                + (address.query() == null ? "" : "?...");
    }
}
