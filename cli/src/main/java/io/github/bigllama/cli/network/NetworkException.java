package io.github.bigllama.cli.network;

import java.io.EOFException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.ProtocolException;
import java.net.SocketException;
import java.net.SocketTimeoutException;
import java.net.UnknownHostException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.Locale;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import okhttp3.HttpUrl;
import org.jspecify.annotations.Nullable;

/** A request failed in the network; the message says why in words. */
final class NetworkException extends IOException {
    private static final long serialVersionUID = 1;

    /** Whether another attempt may succeed even if none has so far. */
    private final boolean isTransient;

    private NetworkException(String message, boolean isTransient, Throwable cause) {
        super(message, cause);
        this.isTransient = isTransient;
    }

    boolean isTransient() {
        return isTransient;
    }

    static IOException of(
            IOException failure,
            HttpUrl address,
            Proxies.@Nullable Server proxy,
            Duration readTimeout) {
        String peer = proxy == null ? address.host() : proxy.toString();
        return switch (failure) {
            case NetworkException e -> e;
            case UnknownHostException e -> lasting(unknown(e, address, proxy), e);
            case SSLPeerUnverifiedException e ->
                    lasting("its certificate is for another name than " + address.host(), e);
            case SSLException e -> tls(e, address);
            case NoRouteToHostException e -> lasting("there is no network route to " + peer, e);
            case ConnectException e ->
                    isTimeout(e)
                            ? later(peer + " does not answer", e)
                            : lasting(peer + " refuses the connection" + port(address, proxy), e);
            case SocketTimeoutException e ->
                    later(
                            String.format(
                                    Locale.ROOT,
                                    "%s has sent nothing for %d s",
                                    peer,
                                    Math.max(1, readTimeout.toSeconds())),
                            e);
            case ProtocolException e -> lasting("%s does not speak HTTP".formatted(peer), e);
            case EOFException e -> later(peer + " closed the connection", e);
            case SocketException e -> socket(e, peer, proxy);
            default -> other(failure, peer, address);
        };
    }

    private static String port(HttpUrl address, Proxies.@Nullable Server proxy) {
        return proxy != null ? "" : " at port " + address.port();
    }

    private static String unknown(
            UnknownHostException e, HttpUrl address, Proxies.@Nullable Server proxy) {
        boolean isProxy = proxy != null && ("" + e.getMessage()).contains(proxy.host());
        return (isProxy ? proxy.toString() : "the host " + address.host())
                + " is unknown: check the name and the network";
    }

    private static IOException tls(SSLException failure, HttpUrl address) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            String text = "" + cause.getMessage();
            if (text.contains("unable to find valid certification path")
                    || text.contains("trustAnchors parameter must be non-empty")) {
                return lasting(
                        "%s has a certificate from an unknown authority; if that is your company's or your own, name its PEM file with %s"
                                .formatted(address.host(), Certificates.FILE),
                        failure);
            }
            if (text.contains("Unsupported or unrecognized SSL message")) {
                return lasting(
                        String.format(
                                Locale.ROOT,
                                "%s does not speak TLS at port %d; should the address begin with http:// ?",
                                address.host(),
                                address.port()),
                        failure);
            }
            if (cause instanceof CertPathValidatorException
                    || cause instanceof CertificateException) {
                return lasting(
                        "the certificate of %s is not valid: %s".formatted(address.host(), text),
                        failure);
            }
        }
        return later(
                "no secure connection to %s: %s".formatted(address.host(), text(failure)), failure);
    }

    private static IOException socket(
            SocketException failure, String peer, Proxies.@Nullable Server proxy) {
        String text = text(failure);
        if (text.equals("Connection refused")) {
            return lasting(peer + " refuses the connection", failure);
        }
        if (text.startsWith("SOCKS") || text.contains("authentication failed")) {
            return lasting(peer + ": " + text, failure);
        }
        return switch (text) {
            case "Connection reset", "Connection reset by peer", "Broken pipe", "Socket closed" ->
                    later(peer + " broke off the connection", failure);
            case "Network is unreachable" ->
                    lasting("the network is unreachable on the way to " + peer, failure);
            default ->
                    proxy != null
                            ? lasting(peer + ": " + text, failure)
                            : later(peer + ": " + text, failure);
        };
    }

    private static IOException other(IOException failure, String peer, HttpUrl address) {
        String text = text(failure);
        if (text.startsWith("unexpected end of stream")) {
            return later(peer + " closed the connection", failure);
        }
        String tunnel = "Unexpected response code for CONNECT: ";
        if (text.startsWith(tunnel)) {
            String status = text.substring(tunnel.length());
            String message =
                    "%s says %s when asked for a tunnel to %s"
                            .formatted(peer, status, address.host());
            return status.startsWith("5") ? later(message, failure) : lasting(message, failure);
        }
        return later(peer + ": " + text, failure);
    }

    private static boolean isTimeout(IOException failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof SocketTimeoutException
                    || ("" + cause.getMessage()).contains("timed out")) {
                return true;
            }
        }
        return false;
    }

    private static String text(IOException failure) {
        return failure.getMessage() == null
                ? failure.getClass().getSimpleName()
                : failure.getMessage();
    }

    private static NetworkException lasting(String message, Throwable cause) {
        return new NetworkException(message, false, cause);
    }

    private static NetworkException later(String message, Throwable cause) {
        return new NetworkException(message, true, cause);
    }
}
