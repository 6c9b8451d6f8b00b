package io.github.bigllama.cli.network;

import java.math.BigInteger;
import java.net.InetAddress;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The servers that are reached without a proxy: names including their subdomains, addresses,
 * networks ({@code 10.0.0.0/8}), or {@code *} for all.
 */
final class NoProxy {
    private static final Pattern PORT = Pattern.compile("([^:]+|\\[.+\\]):(\\d{1,5})");
    private static final Pattern ADDRESS = Pattern.compile("[0-9.]+|[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*");

    private final List<String> entries;

    /**
     * Parses the value of the variable.
     *
     * @param value entries separated by commas or blanks
     */
    NoProxy(String value) {
        entries =
                Arrays.stream(value.toLowerCase(Locale.ROOT).split("[\\s,]+"))
                        .filter(entry -> !entry.isEmpty())
                        .toList();
    }

    boolean matches(String host, int port) {
        String name = host.toLowerCase(Locale.ROOT);
        return entries.stream().anyMatch(entry -> matches(entry, withoutEnd(name), port));
    }

    private static boolean matches(String entry, String host, int port) {
        if (entry.equals("*")) {
            return true;
        }
        Matcher withPort = PORT.matcher(entry);
        if (withPort.matches()) {
            return Integer.parseInt(withPort.group(2)) == port
                    && matches(withPort.group(1), host, port);
        }
        Optional<byte[]> address = address(host);
        if (address.isPresent()) {
            return contains(entry, address.get());
        }
        String domain = withoutEnd(entry.replaceFirst("^\\*?\\.", ""));
        return !domain.isEmpty() && (host.equals(domain) || host.endsWith("." + domain));
    }

    private static String withoutEnd(String name) {
        return name.endsWith(".") ? name.substring(0, name.length() - 1) : name;
    }

    /** Whether an entry is the address, or a network that contains it. */
    private static boolean contains(String entry, byte[] address) {
        int slash = entry.indexOf('/');
        Optional<byte[]> network = address(slash < 0 ? entry : entry.substring(0, slash));
        if (network.isEmpty() || network.get().length != address.length) {
            return false;
        }
        int bits = 8 * address.length;
        if (slash >= 0) {
            String prefix = entry.substring(slash + 1);
            if (!prefix.matches("\\d{1,3}") || Integer.parseInt(prefix) > bits) {
                return false;
            }
            bits = Integer.parseInt(prefix);
        }
        int rest = 8 * address.length - bits;
        return new BigInteger(1, network.get())
                .shiftRight(rest)
                .equals(new BigInteger(1, address).shiftRight(rest));
    }

    /** An address written in digits; names are not looked up. */
    private static Optional<byte[]> address(String text) {
        String plain = text.replaceAll("[\\[\\]]", "");
        if (!ADDRESS.matcher(plain).matches()) {
            return Optional.empty();
        }
        try {
            return Optional.of(InetAddress.ofLiteral(plain).getAddress());
        } catch (IllegalArgumentException e) {
            return Optional.empty();
        }
    }
}
