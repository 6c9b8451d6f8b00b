package io.github.bigllama.cli.models;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * The proxy of the environment variables that other programs go by: {@code https_proxy}, {@code
 * http_proxy} and {@code no_proxy}, in either case. Where Java's own settings name one, those hold.
 */
final class EnvironmentProxy extends ProxySelector {
    private final Map<String, String> environment;

    private EnvironmentProxy(Map<String, String> environment) {
        this.environment = environment;
    }

    static ProxySelector of(Map<String, String> environment) {
        boolean isSet =
                System.getProperty("https.proxyHost") != null
                        || System.getProperty("http.proxyHost") != null
                        || Boolean.getBoolean("java.net.useSystemProxies");
        return isSet ? ProxySelector.getDefault() : new EnvironmentProxy(environment);
    }

    @Override
    public List<Proxy> select(URI address) {
        String proxy = variable(address.getScheme() + "_proxy");
        if (proxy.isEmpty() || isExcepted(address.getHost().toLowerCase(Locale.ROOT))) {
            return List.of(Proxy.NO_PROXY);
        }
        URI server = URI.create(proxy.contains("://") ? proxy : "http://" + proxy);
        return List.of(new Proxy(Proxy.Type.HTTP, resolved(server)));
    }

    private static InetSocketAddress resolved(URI server) {
        InetSocketAddress socket = Http.socket(server);
        return new InetSocketAddress(socket.getHostString(), socket.getPort());
    }

    private boolean isExcepted(String host) {
        for (String name : variable("no_proxy").toLowerCase(Locale.ROOT).split("[ ,]+")) {
            String suffix = name.startsWith(".") ? name.substring(1) : name;
            if (suffix.equals("*")
                    || !suffix.isEmpty() && (host.equals(suffix) || host.endsWith("." + suffix))) {
                return true;
            }
        }
        return false;
    }

    private String variable(String name) {
        String lower = environment.getOrDefault(name, "");
        return lower.isEmpty()
                ? environment.getOrDefault(name.toUpperCase(Locale.ROOT), "")
                : lower;
    }

    @Override
    public void connectFailed(URI address, SocketAddress proxy, IOException reason) {
        // The request fails, and says so.
    }
}
