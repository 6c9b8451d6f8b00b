package io.github.bigllama.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.lang.System.Logger.Level;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;
import org.apache.commons.io.IOUtils;
import org.apache.commons.io.file.PathUtils;

/**
 * The native jar's libraries as files, in the user's cache: {@code natives/<SHA-256 of the
 * manifest>/}.
 *
 * <p>An entry appears as a whole, by one rename, or not at all. A file lock lets one JVM at a time
 * check, repair and load an entry; if the file system has no locks, or they have no effect, each of
 * several JVMs that start at the same time extracts it, and the first to rename it wins. Files are
 * never written in place: a JVM that has loaded an entry keeps its pages, even when another
 * replaces a damaged one.
 */
final class NativeCache {
    /** The source of the manifest's files. */
    interface Source {
        InputStream open(String file) throws IOException;
    }

    /** The use of an entry while no other JVM can replace it. */
    interface Use {
        void with(Path entry) throws IOException;
    }

    private static final System.Logger LOGGER = System.getLogger("io.github.bigllama.native");
    private static final Set<PosixFilePermission> PRIVATE =
            PosixFilePermissions.fromString("rwx------");
    private static final Set<PosixFilePermission> FOREIGN_WRITE =
            PosixFilePermissions.fromString("----w--w-");
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_DIRECTORY =
            PosixFilePermissions.asFileAttribute(PRIVATE);
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    /** Waits until no other JVM holds this file. */
    interface Lock {
        void hold(FileChannel channel) throws IOException;
    }

    /** Extracting takes less than this: older files were left by a JVM that died. */
    private static final Duration ABANDONED = Duration.ofHours(1);

    private final Path natives;
    private final Lock lock;

    NativeCache(Path root) {
        this(root, NativeCache::lock);
    }

    NativeCache(Path root, Lock lock) {
        this.natives = root.resolve("natives");
        this.lock = lock;
    }

    Path directory() {
        return natives;
    }

    /** Makes sure that the entry is complete, and holds its lock while it is used. */
    void use(NativeManifest manifest, byte[] manifestText, Source source, Use use)
            throws IOException {
        String id = HexFormat.of().formatHex(sha256().digest(manifestText));
        createPrivate(natives);
        Path entry = natives.resolve(id);
        try (FileChannel channel =
                FileChannel.open(
                        natives.resolve(id + ".lock"),
                        Set.of(StandardOpenOption.CREATE, StandardOpenOption.WRITE),
                        PRIVATE_FILE)) {
            try {
                lock.hold(channel);
            } catch (InterruptedIOException e) {
                throw e;
            } catch (IOException e) {
                // ENOLCK or ENOSYS: some network file systems have no locks.
                LOGGER.log(Level.DEBUG, "no locks in {0}: {1}", natives, e.getMessage());
            }
            if (!isWhole(entry, manifest, manifestText)) {
                sweep(id);
                install(entry, id, manifest, manifestText, source);
            }
            use.with(entry);
        }
    }

    private static boolean isWhole(Path entry, NativeManifest manifest, byte[] manifestText)
            throws IOException {
        try {
            return hasAll(entry, manifest, manifestText);
        } catch (NoSuchFileException e) {
            // Without locks another JVM may have moved it away meanwhile.
            return false;
        }
    }

    private static boolean hasAll(Path entry, NativeManifest manifest, byte[] manifestText)
            throws IOException {
        if (!Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        Path text = entry.resolve(NativeManifest.FILE_NAME);
        if (!Files.isRegularFile(text) || !Arrays.equals(Files.readAllBytes(text), manifestText)) {
            return false;
        }
        for (String name : manifest.files()) {
            Path file = entry.resolve(name);
            if (!Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS) || !Files.isReadable(file)) {
                return false;
            }
            try (InputStream in = Files.newInputStream(file)) {
                if (!copy(in, OutputStream.nullOutputStream()).equals(manifest.sha256(name))) {
                    return false;
                }
            }
        }
        return true;
    }

    private void install(
            Path entry, String id, NativeManifest manifest, byte[] manifestText, Source source)
            throws IOException {
        Path work = Files.createTempDirectory(natives, id + ".new", PRIVATE_DIRECTORY);
        try {
            for (String name : manifest.files()) {
                try (InputStream in = source.open(name);
                        OutputStream out = create(work.resolve(name))) {
                    String found = copy(in, out);
                    if (!found.equals(manifest.sha256(name))) {
                        throw new IOException(
                                "%s is damaged: its SHA-256 is %s, the manifest says %s"
                                        .formatted(name, found, manifest.sha256(name)));
                    }
                }
            }
            try (OutputStream out = create(work.resolve(NativeManifest.FILE_NAME))) {
                out.write(manifestText);
            }
            // Without locks another JVM may have been faster. What was there before and is not
            // whole
            // is damaged; what was not there may be whole only now.
            boolean wasThere = Files.exists(entry, LinkOption.NOFOLLOW_LINKS);
            if (isWhole(entry, manifest, manifestText)) {
                return;
            }
            if (wasThere && !isRepaired(entry, work, manifest)) {
                // It is renamed before it is deleted, so that the entry never has only some of its
                // files.
                Path old = Files.createTempDirectory(natives, id + ".old", PRIVATE_DIRECTORY);
                Files.move(entry, old.resolve("entry"), StandardCopyOption.ATOMIC_MOVE);
                PathUtils.delete(old);
            }
            if (!isWhole(entry, manifest, manifestText)) {
                moveInto(entry, work, manifest, manifestText);
            }
        } finally {
            if (Files.exists(work)) {
                PathUtils.deleteDirectory(work);
            }
        }
    }

    private static void moveInto(
            Path entry, Path work, NativeManifest manifest, byte[] manifestText)
            throws IOException {
        try {
            Files.move(work, entry, StandardCopyOption.ATOMIC_MOVE);
        } catch (FileSystemException e) {
            if (!isWhole(entry, manifest, manifestText)) {
                throw e;
            }
        }
    }

    /**
     * Replaces the files of a damaged entry one by one, so that a JVM that has repaired it already
     * and uses it misses none at any time.
     *
     * @return false if that is impossible, because something there is not what it should be
     */
    private static boolean isRepaired(Path entry, Path work, NativeManifest manifest) {
        if (!Files.isDirectory(entry, LinkOption.NOFOLLOW_LINKS)) {
            return false;
        }
        try {
            for (String name : manifest.files()) {
                replace(work, entry, name);
            }
            replace(work, entry, NativeManifest.FILE_NAME);
            return true;
        } catch (IOException e) {
            LOGGER.log(Level.DEBUG, "{0} cannot be repaired: {1}", entry, e);
            return false;
        }
    }

    /** Copies first, because the files in {@code work} are still needed if it goes wrong. */
    private static void replace(Path work, Path entry, String name) throws IOException {
        Path copy = Files.copy(work.resolve(name), work.resolve(name + ".copy"));
        Files.move(copy, entry.resolve(name), StandardCopyOption.ATOMIC_MOVE);
    }

    /**
     * Deletes files left by JVMs that died in {@link #install}, if they are old, because another
     * JVM may be extracting if locks have no effect.
     */
    private void sweep(String id) throws IOException {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(natives, id + ".{new,old}*")) {
            for (Path directory : left) {
                Instant modified = Files.getLastModifiedTime(directory).toInstant();
                if (modified.isBefore(Instant.now().minus(ABANDONED))) {
                    PathUtils.deleteDirectory(directory);
                }
            }
        } catch (NoSuchFileException e) {
            // Another JVM is sweeping, too.
        }
    }

    private static void createPrivate(Path directory) throws IOException {
        Path parent = directory.getParent();
        Path above = parent.getParent();
        if (above != null && Files.isDirectory(above) && isForEverybody(above)) {
            if (!Files.isDirectory(parent)) {
                Files.createDirectories(parent, PRIVATE_DIRECTORY);
            }
            // Fails if another user owns the folder, who could replace its files.
            Set<PosixFilePermission> kept = Files.getPosixFilePermissions(parent);
            kept.removeAll(FOREIGN_WRITE);
            Files.setPosixFilePermissions(parent, kept);
        }
        Files.createDirectories(parent);
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(directory, PRIVATE_DIRECTORY);
        }
        // Another user who can write here could make this JVM load any code. Fails if another user
        // owns the folder.
        if (!Files.getPosixFilePermissions(directory).equals(PRIVATE)) {
            Files.setPosixFilePermissions(directory, PRIVATE);
        }
    }

    private static boolean isForEverybody(Path folder) throws IOException {
        return Files.getPosixFilePermissions(folder).contains(PosixFilePermission.OTHERS_WRITE);
    }

    private static OutputStream create(Path file) throws IOException {
        Files.createFile(file, PRIVATE_FILE);
        return Files.newOutputStream(file);
    }

    /**
     * Locks until the channel is closed. Waits for other JVMs, and for other class loaders in this
     * one, for which Java throws an exception.
     */
    private static void lock(FileChannel channel) throws IOException {
        while (true) {
            try {
                channel.lock();
                return;
            } catch (OverlappingFileLockException busy) {
                try {
                    Thread.sleep(10);
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                    throw (IOException)
                            new InterruptedIOException(
                                            "interrupted while another thread loads llama.cpp")
                                    .initCause(e);
                }
            }
        }
    }

    private static String copy(InputStream in, OutputStream out) throws IOException {
        MessageDigest digest = sha256();
        IOUtils.copyLarge(in, new DigestOutputStream(out, digest), new byte[1 << 16]);
        return HexFormat.of().formatHex(digest.digest());
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
