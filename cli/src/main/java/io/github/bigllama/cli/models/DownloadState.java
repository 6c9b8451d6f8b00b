package io.github.bigllama.cli.models;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.BitSet;
import java.util.HexFormat;
import java.util.Properties;

/**
 * What there is of a file that is being downloaded, kept beside it: so a download goes on where it
 * stopped, however it stopped. Not thread-safe.
 */
final class DownloadState {
    private static final String SUFFIX = ".state";

    private final Path file;
    private final String version;
    private final long size;
    private final long blockSize;
    private final BitSet done;

    private DownloadState(Path file, String version, long size, long blockSize, BitSet done) {
        this.file = file;
        this.version = version;
        this.size = size;
        this.blockSize = blockSize;
        this.done = done;
    }

    /**
     * That of a partial file, if it is of the same version of the same file; otherwise of one of
     * which nothing is there.
     *
     * @param version what the server calls the version
     */
    static DownloadState of(Path part, String version, long size, long blockSize) {
        Path file = part.resolveSibling(part.getFileName() + SUFFIX);
        Properties kept = new Properties();
        if (Files.exists(part)) {
            try (InputStream in = Files.newInputStream(file)) {
                kept.load(in);
                if (version.equals(kept.getProperty("version"))
                        && Long.toString(size).equals(kept.getProperty("size"))
                        && Long.toString(blockSize).equals(kept.getProperty("block"))) {
                    byte[] bits = HexFormat.of().parseHex(kept.getProperty("done", ""));
                    return new DownloadState(file, version, size, blockSize, BitSet.valueOf(bits));
                }
            } catch (IOException | IllegalArgumentException e) {
                // Then nothing is known of it.
            }
        }
        return new DownloadState(file, version, size, blockSize, new BitSet());
    }

    int blocks() {
        return (int) ((size + blockSize - 1) / blockSize);
    }

    long offset(int block) {
        return block * blockSize;
    }

    long length(int block) {
        return Math.min(blockSize, size - offset(block));
    }

    boolean isDone(int block) {
        return done.get(block);
    }

    /** Bytes that are there. */
    long doneBytes() {
        return done.stream().mapToLong(this::length).sum();
    }

    /** A block is in the file. */
    void add(int block) throws IOException {
        done.set(block);
        Properties kept = new Properties();
        kept.setProperty("version", version);
        kept.setProperty("size", Long.toString(size));
        kept.setProperty("block", Long.toString(blockSize));
        kept.setProperty("done", HexFormat.of().formatHex(done.toByteArray()));
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

    /** Forgets it. */
    void delete() throws IOException {
        Files.deleteIfExists(file);
    }

    /** Forgets that of a partial file. */
    static void delete(Path part) throws IOException {
        Files.deleteIfExists(part.resolveSibling(part.getFileName() + SUFFIX));
    }
}
