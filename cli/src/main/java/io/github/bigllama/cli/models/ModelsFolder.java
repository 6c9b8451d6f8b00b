package io.github.bigllama.cli.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * The folder of downloaded models: files under their own names, in a folder for the repository or
 * the server that they came from. Nothing else is kept about them.
 */
public record ModelsFolder(Path path) {
    static final String PROPERTY = "bigllama.models";
    static final String VARIABLE = "BIGLLAMA_MODELS";
    static final String PARTIAL = ".part";
    private static final Pattern PART =
            Pattern.compile("(.+?)-(\\d{5})-of-\\d{5}", Pattern.CASE_INSENSITIVE);

    /**
     * A model in it.
     *
     * @param name folders and the name of the file, without ending and numbers
     * @param files its files, the first part first
     * @param size bytes of all of them
     * @param modified when the last was written
     * @param isComplete whether no download is unfinished
     */
    public record Model(
            String name, List<Path> files, long size, Instant modified, boolean isComplete) {}

    /** The one that the environment names, or the platform's for programs' data. */
    public static ModelsFolder ofEnvironment() {
        return of(System.getProperties(), System.getenv());
    }

    static ModelsFolder of(Properties properties, Map<String, String> environment) {
        String given = properties.getProperty(PROPERTY, environment.getOrDefault(VARIABLE, ""));
        if (!given.isBlank()) {
            return new ModelsFolder(Path.of(given).toAbsolutePath());
        }
        Path home = Path.of(properties.getProperty("user.home")).toAbsolutePath();
        if (properties.getProperty("os.name").startsWith("Mac")) {
            return new ModelsFolder(home.resolve("Library/Application Support/bigllama/models"));
        }
        String xdg = environment.getOrDefault("XDG_DATA_HOME", "");
        Path data = xdg.startsWith("/") ? Path.of(xdg) : home.resolve(".local/share");
        return new ModelsFolder(data.resolve("bigllama/models"));
    }

    /** The name of a model by the path of its first file. */
    static String name(String path) {
        String stem =
                path.toLowerCase(Locale.ROOT).endsWith(".gguf")
                        ? path.substring(0, path.length() - 5)
                        : path;
        Matcher part = PART.matcher(stem);
        return part.matches() ? part.group(1) : stem;
    }

    /** A file name that stays in its folder. */
    static String safe(String name) {
        String safe = name.replaceAll("[^A-Za-z0-9._+=@-]", "_");
        return safe.startsWith(".") ? "_" + safe : safe;
    }

    /**
     * All models, by name; files that are being downloaded too.
     *
     * @throws IOException if it can't be read; one that does not exist is empty
     */
    public List<Model> list() throws IOException {
        if (!Files.isDirectory(path)) {
            return List.of();
        }
        Map<String, List<Path>> byName = new TreeMap<>();
        try (Stream<Path> files = Files.walk(path)) {
            files.filter(Files::isRegularFile)
                    .filter(file -> isModel(file.getFileName().toString()))
                    .forEach(
                            file ->
                                    byName.computeIfAbsent(name(file), n -> new ArrayList<>())
                                            .add(file));
        }
        List<Model> models = new ArrayList<>();
        for (Map.Entry<String, List<Path>> entry : byName.entrySet()) {
            List<Path> files = entry.getValue();
            files.sort(Comparator.comparing(Path::toString));
            long size = 0;
            Instant modified = Instant.EPOCH;
            boolean isComplete = true;
            for (Path file : files) {
                size += Files.size(file);
                Instant time = Files.getLastModifiedTime(file).toInstant();
                modified = time.isAfter(modified) ? time : modified;
                isComplete &= !file.toString().endsWith(PARTIAL);
            }
            models.add(new Model(entry.getKey(), List.copyOf(files), size, modified, isComplete));
        }
        return models;
    }

    private static boolean isModel(String file) {
        String lower = file.toLowerCase(Locale.ROOT);
        return lower.endsWith(".gguf") || lower.endsWith(".gguf" + PARTIAL);
    }

    private String name(Path file) {
        String relative = path.relativize(file).toString().replace('\\', '/');
        return name(
                relative.endsWith(PARTIAL)
                        ? relative.substring(0, relative.length() - PARTIAL.length())
                        : relative);
    }

    /**
     * The model of a name, or the only one whose name has it as a part, in any case.
     *
     * @throws PullException if several have
     * @throws IOException if the folder can't be read
     */
    public Optional<Model> find(String name) throws IOException {
        List<Model> all = list();
        String wanted = name(name).toLowerCase(Locale.ROOT);
        List<Model> found =
                all.stream().filter(m -> m.name.toLowerCase(Locale.ROOT).equals(wanted)).toList();
        if (found.isEmpty()) {
            found =
                    all.stream()
                            .filter(m -> m.name.toLowerCase(Locale.ROOT).contains(wanted))
                            .toList();
        }
        if (found.size() > 1) {
            throw new PullException(
                    "'%s' is a part of the names of several models: %s"
                            .formatted(
                                    name,
                                    String.join(", ", found.stream().map(Model::name).toList())));
        }
        return found.stream().findFirst();
    }

    /**
     * Deletes a model, what is kept of an unfinished download, and folders that are empty then.
     *
     * @throws IOException if something can't be deleted
     */
    public void delete(Model model) throws IOException {
        for (Path file : model.files) {
            Files.deleteIfExists(file);
            DownloadState.delete(file);
        }
        Path parent = model.files.getFirst().getParent();
        while (parent.startsWith(path) && !parent.equals(path) && isEmpty(parent)) {
            Files.delete(parent);
            parent = parent.getParent();
        }
    }

    private static boolean isEmpty(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.findAny().isEmpty();
        }
    }
}
