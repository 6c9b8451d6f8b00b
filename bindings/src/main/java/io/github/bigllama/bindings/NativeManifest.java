package io.github.bigllama.bindings;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Stream;

/**
 * The native module's description of its libraries.
 *
 * @param libraries the libraries, in the order in which they must be loaded
 * @param backends modules that ggml loads itself, choosing those that fit this CPU
 * @param sha256 checksums by file name
 */
record NativeManifest(
        String version,
        String tree,
        String flavour,
        String platform,
        List<String> cpuFeatures,
        List<String> libraries,
        List<String> backends,
        Map<String, String> sha256) {

    static final String FILE_NAME = "manifest.properties";

    private static final String SHA256 = "sha256.";

    NativeManifest {
        cpuFeatures = List.copyOf(cpuFeatures);
        libraries = List.copyOf(libraries);
        backends = List.copyOf(backends);
        sha256 = Map.copyOf(sha256);
    }

    static NativeManifest parse(byte[] text) throws IOException {
        Properties properties = new Properties();
        try {
            properties.load(new StringReader(new String(text, StandardCharsets.UTF_8)));
        } catch (IllegalArgumentException e) {
            throw new IOException(FILE_NAME + " is damaged: " + e.getMessage(), e);
        }
        Map<String, String> sha256 = new HashMap<>();
        for (String name : properties.stringPropertyNames()) {
            if (name.startsWith(SHA256)) {
                sha256.put(name.substring(SHA256.length()), properties.getProperty(name).strip());
            }
        }
        NativeManifest manifest =
                new NativeManifest(
                        required(properties, "llama.cpp.version"),
                        required(properties, "llama.cpp.tree"),
                        required(properties, "flavour"),
                        required(properties, "platform"),
                        list(properties, "cpu.features"),
                        list(properties, "libraries"),
                        list(properties, "backends"),
                        sha256);
        if (manifest.libraries.isEmpty()) {
            throw new IOException(FILE_NAME + " is damaged: it lists no libraries");
        }
        for (String file : manifest.files()) {
            // The names become paths, which must not lead out of the directory.
            if (!file.matches("[A-Za-z0-9_][A-Za-z0-9_.+-]*") || file.equals(FILE_NAME)) {
                throw new IOException(
                        FILE_NAME + " is damaged: '" + file + "' is not a plain file name");
            }
        }
        return manifest;
    }

    /** All files that must be in one directory for the libraries to work. */
    List<String> files() {
        return Stream.concat(libraries.stream(), backends.stream()).toList();
    }

    String sha256(String file) throws IOException {
        String hash = sha256.get(file);
        if (hash == null) {
            throw new IOException(FILE_NAME + " is damaged: it has no " + SHA256 + file);
        }
        return hash;
    }

    private static String required(Properties properties, String name) throws IOException {
        String value = properties.getProperty(name, "").strip();
        if (value.isEmpty()) {
            throw new IOException(FILE_NAME + " is damaged: it has no " + name);
        }
        return value;
    }

    private static List<String> list(Properties properties, String name) {
        return Arrays.stream(properties.getProperty(name, "").split(","))
                .map(String::strip)
                .filter(item -> !item.isEmpty())
                .toList();
    }
}
