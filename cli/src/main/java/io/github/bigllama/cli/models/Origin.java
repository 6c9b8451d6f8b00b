package io.github.bigllama.cli.models;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Optional;
import java.util.Properties;

/**
 * The source of a file in the models folder, saved beside the file, because its name does not tell.
 *
 * @param source its address, without parts that are secret or valid only once
 * @param version the server's name for this version; empty if it gave none
 * @param size size of the file in bytes
 * @param sha256 its checksum in hexadecimal digits, if it is known
 */
record Origin(String source, String version, long size, Optional<String> sha256) {
    static final String SUFFIX = ".origin";

    static Path beside(Path file) {
        return file.resolveSibling(file.getFileName() + SUFFIX);
    }

    /** The origin of a file; empty if it is unknown. */
    static Optional<Origin> of(Path file) {
        return load(beside(file)).flatMap(Origin::from);
    }

    static Optional<Origin> from(Properties kept) {
        String source = kept.getProperty("source");
        String size = kept.getProperty("size", "");
        return source == null || !size.matches("\\d{1,18}")
                ? Optional.empty()
                : Optional.of(
                        new Origin(
                                source,
                                kept.getProperty("version", ""),
                                Long.parseLong(size),
                                Optional.ofNullable(kept.getProperty("sha256"))));
    }

    Properties toProperties() {
        Properties kept = new Properties();
        kept.setProperty("source", source);
        kept.setProperty("version", version);
        kept.setProperty("size", Long.toString(size));
        sha256.ifPresent(text -> kept.setProperty("sha256", text));
        return kept;
    }

    void save(Path file) throws IOException {
        store(toProperties(), beside(file));
    }

    /** Whether the server still has this version: compared by checksum if both are known. */
    boolean isSameVersion(Origin now) {
        return size == now.size
                && (sha256.isPresent() && now.sha256.isPresent()
                        ? sha256.get().equalsIgnoreCase(now.sha256.get())
                        : version.equals(now.version));
    }

    static Optional<Properties> load(Path file) {
        Properties kept = new Properties();
        try (InputStream in = Files.newInputStream(file)) {
            kept.load(in);
            return Optional.of(kept);
        } catch (IOException | IllegalArgumentException e) {
            // Then the origin is unknown.
            return Optional.empty();
        }
    }

    /** Replaces a file, or leaves it unchanged. */
    static void store(Properties kept, Path file) throws IOException {
        Path temporary = file.resolveSibling(file.getFileName() + ".new");
        try (OutputStream out = Files.newOutputStream(temporary)) {
            kept.store(out, null);
        }
        try {
            Files.move(
                    temporary,
                    file,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } catch (AtomicMoveNotSupportedException e) {
            Files.move(temporary, file, StandardCopyOption.REPLACE_EXISTING);
        }
    }
}
