package io.github.bigllama.cli.models;

import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The folder of downloaded models: files under their own names, in folders named after their
 * sources, each with its {@link Origin} beside it.
 */
public record ModelsFolder(Path path) {
    static final String PROPERTY = "bigllama.models";
    static final String VARIABLE = "BIGLLAMA_MODELS";
    private static final String PARTIAL = ".part";
    private static final Pattern PART =
            Pattern.compile("(.+?)-([0-9]{5})-of-([0-9]{5})", Pattern.CASE_INSENSITIVE);

    /**
     * A model in the folder.
     *
     * @param name the folders and the file name, without ending and number
     * @param files its files, the first part first
     * @param size bytes of the files that are there
     * @param modified when the last file was written
     * @param lack what is missing, in words; empty if the model is complete
     */
    public record Model(
            String name, List<Path> files, long size, Instant modified, Optional<String> lack) {
        /** Whether the model is complete. */
        public boolean isComplete() {
            return lack.isEmpty();
        }
    }

    /**
     * The folder that the environment names, or else one in the platform's folder for data of
     * programs.
     */
    public static ModelsFolder ofEnvironment() {
        return of(System.getProperties(), System.getenv());
    }

    static ModelsFolder of(Properties properties, Map<String, String> environment) {
        String given = properties.getProperty(PROPERTY, environment.getOrDefault(VARIABLE, ""));
        if (!given.isBlank()) {
            // A ~ that no shell has expanded.
            boolean isHome = given.equals("~") || given.startsWith("~/");
            return new ModelsFolder(
                    isHome
                            ? home(properties).resolve(given.substring(Math.min(2, given.length())))
                            : Path.of(given).toAbsolutePath());
        }
        if (properties.getProperty("os.name").startsWith("Mac")) {
            return new ModelsFolder(
                    home(properties).resolve("Library/Application Support/bigllama/models"));
        }
        String xdg = environment.getOrDefault("XDG_DATA_HOME", "");
        Path data = xdg.startsWith("/") ? Path.of(xdg) : home(properties).resolve(".local/share");
        return new ModelsFolder(data.resolve("bigllama/models"));
    }

    /** Java's value is a question mark for a user that the system does not know. */
    private static Path home(Properties properties) {
        String home = properties.getProperty("user.home", "");
        if (!home.startsWith("/")) {
            throw new PullException(
                    "this user has no home folder where models could be: set the environment "
                            + "variable "
                            + VARIABLE
                            + " to a folder for them, or HOME");
        }
        return Path.of(home);
    }

    /** The name of a model, given the path of its first file. */
    static String name(String path) {
        String stem =
                path.toLowerCase(Locale.ROOT).endsWith(".gguf")
                        ? path.substring(0, path.length() - 5)
                        : path;
        Matcher part = PART.matcher(stem);
        return part.matches() ? part.group(1) : stem;
    }

    /** The partial file that becomes this file. */
    static Path partial(Path file) {
        return file.resolveSibling(file.getFileName() + PARTIAL);
    }

    private static boolean isPartial(Path file) {
        return file.toString().endsWith(PARTIAL);
    }

    /**
     * Requires that the folder exists or can be created.
     *
     * @throws PullException if something else is in its place
     */
    void requireUsable() {
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && !Files.isDirectory(path)) {
            throw new PullException(
                    Files.isSymbolicLink(path)
                            ? "the models folder %s is a symbolic link to something that is missing or not a folder"
                                    .formatted(path)
                            : "the models folder %s is a file; name another with %s"
                                    .formatted(path, VARIABLE));
        }
    }

    /**
     * All models by name, including incomplete ones. Folders that can't be read are left out.
     *
     * @throws IOException if the folder itself can't be read; one that does not exist is empty
     */
    public List<Model> list() throws IOException {
        requireUsable();
        if (!Files.isDirectory(path)) {
            return List.of();
        }
        Map<String, List<Path>> byName = new TreeMap<>();
        Files.walkFileTree(
                path,
                EnumSet.of(FileVisitOption.FOLLOW_LINKS),
                Integer.MAX_VALUE,
                new SimpleFileVisitor<>() {
                    @Override
                    public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                        if (isModel(file)
                                && (attributes.isRegularFile() || attributes.isSymbolicLink())) {
                            byName.computeIfAbsent(name(file), n -> new ArrayList<>()).add(file);
                        }
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult visitFileFailed(Path file, IOException e)
                            throws IOException {
                        if (file.equals(path)) {
                            throw e;
                        }
                        return FileVisitResult.CONTINUE;
                    }

                    @Override
                    public FileVisitResult postVisitDirectory(Path folder, IOException e) {
                        return FileVisitResult.CONTINUE;
                    }
                });
        List<Model> models = new ArrayList<>();
        for (Map.Entry<String, List<Path>> entry : byName.entrySet()) {
            model(entry.getKey(), entry.getValue()).ifPresent(models::add);
        }
        return models;
    }

    /** The model of some files; empty if it was deleted meanwhile. */
    private static Optional<Model> model(String name, List<Path> files) throws IOException {
        files.sort(Comparator.comparing(Path::toString));
        long size = 0;
        Instant modified = Instant.EPOCH;
        try {
            for (Path file : files) {
                if (Files.exists(file)) {
                    size += isPartial(file) ? DownloadState.doneBytes(file) : Files.size(file);
                }
                Instant time =
                        Files.getLastModifiedTime(file, LinkOption.NOFOLLOW_LINKS).toInstant();
                modified = time.isAfter(modified) ? time : modified;
            }
        } catch (NoSuchFileException e) {
            return Optional.empty();
        }
        return Optional.of(new Model(name, List.copyOf(files), size, modified, lack(files)));
    }

    private static Optional<String> lack(List<Path> files) {
        for (Path file : files) {
            if (!Files.exists(file)) {
                return Optional.of("its symbolic link points to a missing file");
            }
            if (isPartial(file) && !files.contains(target(file))) {
                return Optional.of(partLack(file));
            }
        }
        Matcher part = PART.matcher(stem(files.getFirst()));
        if (!part.matches()) {
            return Optional.empty();
        }
        int count = Integer.parseInt(part.group(3));
        for (int i = 1; i <= count; i++) {
            String number = String.format(Locale.ROOT, "-%05d-of-", i);
            if (files.stream().noneMatch(file -> stem(file).contains(number))) {
                return Optional.of(
                        String.format(Locale.ROOT, "part %d of %d is missing", i, count));
            }
        }
        return Optional.empty();
    }

    private static String partLack(Path partial) {
        Matcher part = PART.matcher(stem(partial));
        String what =
                part.matches()
                        ? String.format(
                                Locale.ROOT,
                                "part %d of %d is incomplete",
                                Integer.parseInt(part.group(2)),
                                Integer.parseInt(part.group(3)))
                        : "incomplete";
        return DownloadState.origin(partial)
                .map(
                        origin ->
                                what
                                        + String.format(
                                                Locale.ROOT,
                                                ": %d %% downloaded",
                                                100
                                                        * DownloadState.doneBytes(partial)
                                                        / Math.max(1, origin.size())))
                .orElse(what);
    }

    private static Path target(Path partial) {
        String name = partial.getFileName().toString();
        return partial.resolveSibling(name.substring(0, name.length() - PARTIAL.length()));
    }

    private static String stem(Path file) {
        String name = (isPartial(file) ? target(file) : file).getFileName().toString();
        return name.substring(0, name.length() - 5).toLowerCase(Locale.ROOT);
    }

    private static boolean isModel(Path file) {
        String lower = file.getFileName().toString().toLowerCase(Locale.ROOT);
        return lower.endsWith(".gguf") || lower.endsWith(".gguf" + PARTIAL);
    }

    private String name(Path file) {
        Path plain = isPartial(file) ? target(file) : file;
        return name(path.relativize(plain).toString());
    }

    /**
     * The model with a name, or else the only model whose name contains it, in upper or lower case.
     *
     * @throws PullException if several names contain it
     * @throws IOException if the folder can't be read
     */
    public Optional<Model> find(String name) throws IOException {
        List<Model> all = list();
        String wanted = name(name);
        List<Model> found = all.stream().filter(m -> m.name.equals(wanted)).toList();
        if (found.isEmpty()) {
            found = all.stream().filter(m -> m.name.equalsIgnoreCase(wanted)).toList();
        }
        if (found.isEmpty()) {
            String lower = wanted.toLowerCase(Locale.ROOT);
            found =
                    all.stream()
                            .filter(m -> m.name.toLowerCase(Locale.ROOT).contains(lower))
                            .toList();
        }
        if (found.size() > 1) {
            throw new PullException(
                    "'%s' is part of the names of several models: %s; write more of the name"
                            .formatted(
                                    name,
                                    String.join(", ", found.stream().map(Model::name).toList())));
        }
        return found.stream().findFirst();
    }

    /**
     * Deletes a model, the state of an unfinished download, and folders that become empty. Symbolic
     * links are deleted, but not their targets.
     *
     * @throws PullException if it is being downloaded
     * @throws IOException if a file can't be deleted
     */
    public void delete(Model model) throws IOException {
        FolderLock.hold(
                path,
                model.name,
                model.name + " is being downloaded; stop the download first",
                () -> {
                    for (Path file : model.files) {
                        Files.deleteIfExists(file);
                        Files.deleteIfExists(Origin.beside(file));
                        DownloadState.delete(file);
                    }
                });
        deleteEmptyParents(model.files.getFirst());
    }

    /** Deletes empty folders, from a file's folder upwards, but not symbolic links. */
    void deleteEmptyParents(Path file) {
        Path parent = file.getParent();
        try {
            while (parent.startsWith(path)
                    && !parent.equals(path)
                    && !Files.isSymbolicLink(parent)) {
                Files.deleteIfExists(parent);
                parent = parent.getParent();
            }
        } catch (IOException e) {
            // Most folders are not empty, and an empty one that remains does no harm.
        }
    }
}
