package io.github.bigllama.bindings;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.DigestOutputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Set;
import org.apache.commons.io.IOUtils;
import org.apache.commons.io.file.PathUtils;

/**
 * The native jar's libraries as files, in the user's cache: {@code natives/<SHA-256 of the
 * manifest>/}.
 *
 * <p>An entry appears whole, by one rename, or not at all. A file lock lets one JVM at a time
 * check, repair and load an entry. Files are never written in place: a JVM that has loaded an entry
 * keeps its pages, even when another replaces a damaged one.
 */
final class NativeCache {
    /** Where the content of the manifest's files comes from. */
    interface Source {
        InputStream open(String file) throws IOException;
    }

    /** What is done with an entry while no other JVM can replace it. */
    interface Use {
        void with(Path entry) throws IOException;
    }

    private static final Set<PosixFilePermission> PRIVATE =
            PosixFilePermissions.fromString("rwx------");
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_DIRECTORY =
            PosixFilePermissions.asFileAttribute(PRIVATE);
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private final Path natives;

    NativeCache(Path root) {
        natives = root.resolve("natives");
    }

    Path directory() {
        return natives;
    }

    /** Makes sure that the entry is whole, and holds its lock while it is used. */
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
            lock(channel);
            if (!isWhole(entry, manifest, manifestText)) {
                sweep(id);
                install(entry, id, manifest, manifestText, source);
            }
            use.with(entry);
        }
    }

    private static boolean isWhole(Path entry, NativeManifest manifest, byte[] manifestText)
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
            if (Files.exists(entry, LinkOption.NOFOLLOW_LINKS)) {
                // Damaged. Renamed before it is deleted, so that the entry's name never has half of
                // its files.
                Path old = Files.createTempDirectory(natives, id + ".old", PRIVATE_DIRECTORY);
                Files.move(entry, old.resolve("entry"), StandardCopyOption.ATOMIC_MOVE);
                PathUtils.delete(old);
            }
            Files.move(work, entry, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            if (Files.exists(work)) {
                PathUtils.deleteDirectory(work);
            }
        }
    }

    /**
     * Deletes what JVMs left that died in {@link #install}. Only the owner of the lock makes such
     * directories.
     */
    private void sweep(String id) throws IOException {
        try (DirectoryStream<Path> left = Files.newDirectoryStream(natives, id + ".{new,old}*")) {
            for (Path directory : left) {
                PathUtils.deleteDirectory(directory);
            }
        }
    }

    private static void createPrivate(Path directory) throws IOException {
        Files.createDirectories(directory.getParent());
        if (!Files.isDirectory(directory)) {
            Files.createDirectories(directory, PRIVATE_DIRECTORY);
        }
        // Another user who can write here could make this JVM load any code. Fails where the owner
        // is another.
        if (!Files.getPosixFilePermissions(directory).equals(PRIVATE)) {
            Files.setPosixFilePermissions(directory, PRIVATE);
        }
    }

    private static OutputStream create(Path file) throws IOException {
        Files.createFile(file, PRIVATE_FILE);
        return Files.newOutputStream(file);
    }

    /**
     * Holds until the channel closes. Waits for other JVMs, and for other class loaders in this
     * one, for which Java has an exception instead.
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
                    throw new IOException("interrupted while another thread loads llama.cpp", e);
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
