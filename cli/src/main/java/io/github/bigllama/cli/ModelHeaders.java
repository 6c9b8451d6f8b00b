package io.github.bigllama.cli;

import io.github.bigllama.gguf.ModelFiles;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpClient.Redirect;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;

/** A model to look at, which need not be on this machine. */
final class ModelHeaders {
    private static final Duration TIMEOUT = Duration.ofSeconds(30);

    private ModelHeaders() {}

    /**
     * Reads the headers.
     *
     * @param source a file, the address of one on a web server, or {@code demo}
     */
    static ModelFiles read(String source) {
        if (source.equals("demo")) {
            return ModelFiles.read(ModelArguments.demoModel());
        }
        String lower = source.toLowerCase(Locale.ROOT);
        if (lower.startsWith("http://") || lower.startsWith("https://")) {
            return ModelFiles.read(
                    address(source),
                    HttpClient.newBuilder()
                            .followRedirects(Redirect.NORMAL)
                            .connectTimeout(TIMEOUT)
                            .build());
        }
        try {
            return ModelFiles.read(Path.of(source));
        } catch (InvalidPathException e) {
            throw CommandException.usage("'" + source + "' is no path: " + e.getReason());
        }
    }

    private static URI address(String source) {
        try {
            URI uri = new URI(source);
            if (uri.getHost() != null) {
                return uri;
            }
        } catch (URISyntaxException e) {
            // As below.
        }
        throw CommandException.usage("'" + source + "' is no address of a file");
    }
}
