package io.github.bigllama.cli.models;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import okhttp3.HttpUrl;

/**
 * The address of a file in a repository as people copy it from a browser: {@code
 * https://server/owner/repo/blob/main/file.gguf} is a page about the file.
 *
 * @param prefix path segments before the repository
 * @param address the address as it was given
 * @param isOfEndpoint whether the endpoint is its server, which can list the files of the
 *     repository
 */
record RepositoryPage(
        List<String> prefix,
        String repository,
        String revision,
        String path,
        HttpUrl address,
        boolean isOfEndpoint) {
    private static final Set<String> HUGGING_FACE =
            Set.of("huggingface.co", "www.huggingface.co", "hf.co");
    private static final String GITHUB = "github.com";

    /** Parses an address; empty if it is not one of such a page. */
    static Optional<RepositoryPage> of(HttpUrl address, HttpUrl endpoint) {
        List<String> own =
                endpoint.pathSegments().stream().filter(segment -> !segment.isEmpty()).toList();
        List<String> segments = address.pathSegments();
        boolean isOfEndpoint =
                isSameServer(address, endpoint)
                        && segments.size() > own.size()
                        && segments.subList(0, own.size()).equals(own);
        int start = isOfEndpoint ? own.size() : 0;
        List<String> rest = segments.subList(start, segments.size());
        if (rest.size() < 5 || !isFile(rest.get(2), isOfEndpoint)) {
            return Optional.empty();
        }
        // A revision such as refs/pr/4, with unescaped slashes.
        int end = rest.get(3).equals("refs") && rest.size() > 6 ? 6 : 4;
        return Optional.of(
                new RepositoryPage(
                        segments.subList(0, start),
                        rest.get(0) + "/" + rest.get(1),
                        String.join("/", rest.subList(3, end)),
                        String.join("/", rest.subList(end, rest.size())),
                        address,
                        isOfEndpoint));
    }

    private static boolean isFile(String kind, boolean isOfEndpoint) {
        return kind.equals("blob")
                || isOfEndpoint && (kind.equals("resolve") || kind.equals("raw"));
    }

    private static boolean isSameServer(HttpUrl one, HttpUrl other) {
        return one.host().equals(other.host()) && one.port() == other.port()
                || HUGGING_FACE.contains(one.host()) && HUGGING_FACE.contains(other.host());
    }

    /** The address of the file itself. */
    HttpUrl file() {
        return address.newBuilder()
                .setPathSegment(
                        prefix.size() + 2, address.host().equals(GITHUB) ? "raw" : "resolve")
                .build();
    }
}
