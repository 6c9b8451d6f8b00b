package io.github.bigllama.cli.network;

import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import okhttp3.Credentials;
import okhttp3.HttpUrl;

/**
 * The proxies that the environment names, as curl understands it: {@code http_proxy}, {@code
 * https_proxy}, {@code all_proxy} and {@code no_proxy}, in either case.
 */
final class Proxies {
    /** Scheme, user and password (up to the last @), host, port; the rest is ignored. */
    private static final Pattern PROXY =
            Pattern.compile(
                    "(?:([A-Za-z][A-Za-z0-9+.-]*)://)?(?:(.*)@)?(\\[[0-9A-Fa-f:.%]+\\]|[^:/@\\[\\]?#\\s]+)"
                            + "(?::(\\d{1,5}))?(?:[/?#].*)?");

    /** curl's default. */
    private static final int USUAL_PORT = 1080;

    private static final int LARGEST_PORT = 65_535;

    private final UnaryOperator<String> environment;

    /**
     * A proxy server.
     *
     * @param variable the environment variable that names it
     * @param user user and password, if there are any; never shown
     */
    record Server(
            String variable, Proxy.Type type, String host, int port, Optional<String[]> user) {
        Proxy proxy() {
            return new Proxy(
                    type,
                    type == Proxy.Type.SOCKS
                            ? new InetSocketAddress(host, port)
                            : InetSocketAddress.createUnresolved(host, port));
        }

        /** The value of the header {@code Proxy-Authorization}. */
        Optional<String> credentials() {
            return user.map(pair -> Credentials.basic(pair[0], pair[1], StandardCharsets.UTF_8));
        }

        @Override
        public String toString() {
            return String.format(Locale.ROOT, "the proxy %s:%d of %s", host, port, variable);
        }
    }

    private Proxies(UnaryOperator<String> environment) {
        this.environment = environment;
    }

    static Proxies of(Map<String, String> environment) {
        return new Proxies(name -> environment.getOrDefault(name, ""));
    }

    /** No proxies. */
    static Proxies none() {
        return of(Map.of());
    }

    /**
     * The proxy for an address, if there is one.
     *
     * @throws PullException if the value of the variable is invalid, or the kind of proxy is not
     *     supported; the message does not show the value, because it may contain a password
     */
    Optional<Server> of(HttpUrl address) {
        String own = address.scheme() + "_proxy";
        String upper = own.toUpperCase(Locale.ROOT);
        // In a CGI program HTTP_PROXY comes from a header of the request.
        boolean isForged = upper.equals("HTTP_PROXY") && !value("REQUEST_METHOD").isEmpty();
        for (String variable :
                isForged
                        ? List.of(own, "all_proxy", "ALL_PROXY")
                        : List.of(own, upper, "all_proxy", "ALL_PROXY")) {
            if (!value(variable).isEmpty()) {
                String except = value("no_proxy").isEmpty() ? value("NO_PROXY") : value("no_proxy");
                return new NoProxy(except).matches(address.host(), address.port())
                        ? Optional.empty()
                        : Optional.of(server(variable));
            }
        }
        return Optional.empty();
    }

    private String value(String variable) {
        return environment.apply(variable).strip();
    }

    private Server server(String variable) {
        Matcher matcher = PROXY.matcher(value(variable));
        if (!matcher.matches()) {
            throw malformed(variable);
        }
        int port = matcher.group(4) == null ? USUAL_PORT : Integer.parseInt(matcher.group(4));
        if (port == 0 || port > LARGEST_PORT) {
            throw malformed(variable);
        }
        String scheme = matcher.group(1) == null ? "http" : matcher.group(1);
        Proxy.Type type =
                switch (scheme.toLowerCase(Locale.ROOT)) {
                    case "http" -> Proxy.Type.HTTP;
                    case "socks5", "socks5h" -> Proxy.Type.SOCKS;
                    default ->
                            throw new PullException(
                                    "%s names a proxy of the kind %s, which is not supported; http, socks5 and socks5h are"
                                            .formatted(variable, scheme));
                };
        String host = matcher.group(3).replaceAll("[\\[\\]]", "");
        return new Server(
                variable,
                type,
                host,
                port,
                Optional.ofNullable(matcher.group(2)).map(text -> user(text, variable)));
    }

    private static String[] user(String text, String variable) {
        int colon = text.indexOf(':');
        try {
            return new String[] {
                decode(colon < 0 ? text : text.substring(0, colon)),
                decode(colon < 0 ? "" : text.substring(colon + 1))
            };
        } catch (IllegalArgumentException e) {
            throw malformed(variable);
        }
    }

    private static String decode(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    private static PullException malformed(String variable) {
        return new PullException(
                variable
                        + " is not the address of a proxy (the value is not shown, because it may "
                        + "contain a password); write http://host:port or "
                        + "http://user:password@host:port, with all characters of the user and the "
                        + "password that are not letters or digits as %XX");
    }
}
