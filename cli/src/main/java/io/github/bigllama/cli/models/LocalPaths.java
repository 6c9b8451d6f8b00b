package io.github.bigllama.cli.models;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import okhttp3.HttpUrl;

/**
 * The paths of downloaded files in the models folder: each file has its own path, with a name that
 * people recognize.
 */
final class LocalPaths {
    /** Characters that become underscores: all but these and the letters of all scripts. */
    private static final String UNSAFE = "[^\\p{L}\\p{M}\\p{N} ._+=@,()~-]";

    private LocalPaths() {}

    /** The path of a file on a server. */
    static String of(HttpUrl address) {
        HttpUrl lasting = ModelSource.lasting(address);
        List<String> segments = new ArrayList<>();
        boolean isUsual = lasting.port() == HttpUrl.defaultPort(lasting.scheme());
        segments.add(lasting.host() + (isUsual ? "" : ":" + lasting.port()));
        lasting.pathSegments().forEach(segment -> segments.add(safe(segment, "")));
        String file = lasting.pathSegments().getLast();
        segments.set(
                segments.size() - 1,
                file(file, lasting.query() == null ? "" : "?" + lasting.query()));
        return join(segments);
    }

    /**
     * The path of a file in a repository.
     *
     * @param repository owner and name
     * @param revision the revision, which is part of the path unless it is the usual one
     */
    static String of(String repository, String revision, String path) {
        String folders =
                repository + (revision.equals(HuggingFace.USUAL_REVISION) ? "" : "@" + revision);
        List<String> segments = new ArrayList<>();
        for (String segment : (folders + "/" + path).split("/")) {
            segments.add(safe(segment, ""));
        }
        segments.set(segments.size() - 1, file(path.substring(path.lastIndexOf('/') + 1), ""));
        return join(segments);
    }

    private static String join(List<String> segments) {
        return String.join("/", segments.stream().filter(segment -> !segment.isEmpty()).toList());
    }

    /** A file name, with the number and the ending of a part written as llama.cpp wants them. */
    private static String file(String name, String query) {
        Matcher part = ModelSource.PART.matcher(name);
        if (part.matches()) {
            return safe(part.group(1), query)
                    + "-%s-of-%s.gguf".formatted(part.group(2), part.group(4));
        }
        int end = name.length() - (name.toLowerCase(Locale.ROOT).endsWith(".gguf") ? 5 : 0);
        return safe(name.substring(0, end), query) + name.substring(end);
    }

    /** A name that is safe as a file name; a checksum stands for the characters that are lost. */
    private static String safe(String name, String query) {
        String safe = name.replaceAll(UNSAFE, "_");
        safe = safe.startsWith(".") ? "_" + safe.substring(1) : safe;
        if (safe.equals(name) && query.isEmpty()) {
            return safe;
        }
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest((name + query).getBytes(StandardCharsets.UTF_8));
            return safe + "~" + HexFormat.of().formatHex(digest, 0, 4);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
