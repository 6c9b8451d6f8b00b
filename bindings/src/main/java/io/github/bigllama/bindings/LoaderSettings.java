package io.github.bigllama.bindings;

import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * The places where the loader looks, from system properties and environment variables.
 *
 * @param override the user's directory, if one is given; then no other place is tried
 * @param overrideName the property or variable that gave it, for messages
 * @param cache the root of the user's cache; for a user without a home folder, a folder for
 *     temporary files
 * @param systemFolders where an installed llama.cpp may be
 */
record LoaderSettings(
        Optional<Path> override, String overrideName, Path cache, List<Path> systemFolders) {

    static final String LIBRARY_PROPERTY = "bigllama.library.path";
    static final String LIBRARY_VARIABLE = "BIGLLAMA_LIBRARY_PATH";
    static final String CACHE_PROPERTY = "bigllama.cache";
    static final String CACHE_VARIABLE = "BIGLLAMA_CACHE";

    static LoaderSettings fromEnvironment() {
        return of(System.getProperties(), System.getenv());
    }

    static LoaderSettings of(Properties properties, Map<String, String> environment) {
        String property = properties.getProperty(LIBRARY_PROPERTY, "");
        String variable = environment.getOrDefault(LIBRARY_VARIABLE, "");
        String given = property.isBlank() ? variable : property;
        return new LoaderSettings(
                given.isBlank() ? Optional.empty() : Optional.of(Path.of(given).toAbsolutePath()),
                property.isBlank()
                        ? "environment variable " + LIBRARY_VARIABLE
                        : "system property " + LIBRARY_PROPERTY,
                cache(properties, environment),
                systemFolders(properties));
    }

    private static Path cache(Properties properties, Map<String, String> environment) {
        String given = properties.getProperty(CACHE_PROPERTY, "");
        if (given.isBlank()) {
            given = environment.getOrDefault(CACHE_VARIABLE, "");
        }
        if (!given.isBlank()) {
            return Path.of(given).toAbsolutePath();
        }
        // The XDG specification: a relative path is invalid and must be ignored.
        String xdg = environment.getOrDefault("XDG_CACHE_HOME", "");
        boolean isMac = properties.getProperty("os.name").startsWith("Mac");
        if (xdg.startsWith("/") && !isMac) {
            return Path.of(xdg, "bigllama");
        }
        // Java's value is ? for a user that the system does not know, as in containers.
        String home = properties.getProperty("user.home", "?");
        if (!home.startsWith("/") || !Files.isDirectory(Path.of(home))) {
            String user = properties.getProperty("user.name", "?");
            return Path.of(
                    properties.getProperty("java.io.tmpdir"),
                    "bigllama-" + user.replaceAll("[^A-Za-z0-9._-]", "_"));
        }
        return Path.of(home, isMac ? "Library/Caches/bigllama" : ".cache/bigllama");
    }

    private static List<Path> systemFolders(Properties properties) {
        Stream<String> configured =
                Arrays.stream(
                        properties.getProperty("java.library.path", "").split(File.pathSeparator));
        String debian = properties.getProperty("os.arch").equals("amd64") ? "x86_64" : "aarch64";
        Stream<String> usual =
                properties.getProperty("os.name").startsWith("Mac")
                        ? Stream.of("/opt/homebrew/lib", "/usr/local/lib")
                        : Stream.of(
                                "/usr/local/lib",
                                "/usr/local/lib64",
                                "/usr/lib/" + debian + "-linux-gnu",
                                "/usr/lib64",
                                "/usr/lib");
        return Stream.concat(configured, usual)
                .filter(folder -> folder.startsWith("/"))
                .map(Path::of)
                .distinct()
                .toList();
    }
}
