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
 * Which file of the web a file in the models folder is; kept beside it, because a name does not say
 * that.
 *
 * @param source its address, without what is secret or only for one time
 * @param version what the server called this version; empty if it did not
 * @param size in bytes
 * @param sha256 its checksum in hexadecimal digits, if it is known
 */
record Origin(String source, String version, long size, Optional<String> sha256) {
    static final String SUFFIX = ".origin";

    static Path beside(Path file) {
        return file.resolveSibling(file.getFileName() + SUFFIX);
    }

    /** That of a file; empty if nothing is known. */
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

    /** Whether what is called so by the server now is this: by checksums, if both are known. */
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
            // Then nothing is known.
            return Optional.empty();
        }
    }

    /** Replaces a file, or leaves it as it was. */
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
