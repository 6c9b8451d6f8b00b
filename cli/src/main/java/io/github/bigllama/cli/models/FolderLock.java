package io.github.bigllama.cli.models;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Optional;

/**
 * Of one model in the models folder, so that only one program at a time changes its files. It is a
 * byte of a file that is never deleted: a lock file for each model would have to be, and deleting
 * what others lock goes wrong.
 */
final class FolderLock implements AutoCloseable {
    private static final String NAME = ".lock";

    private final FileChannel channel;

    private FolderLock(FileChannel channel) {
        this.channel = channel;
    }

    /**
     * Locks a model; empty if another program has.
     *
     * @throws IOException if the folder can't be written
     */
    static Optional<FolderLock> of(Path folder, String model) throws IOException {
        FileChannel channel =
                FileChannel.open(
                        folder.resolve(NAME), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
        FileLock lock = null;
        try {
            lock = channel.tryLock(position(model), 1, false);
        } catch (OverlappingFileLockException e) {
            // By another thread of this program: the same.
        } catch (IOException e) {
            // A file system without locks; then there are none.
            return Optional.of(new FolderLock(channel));
        }
        if (lock == null) {
            channel.close();
            return Optional.empty();
        }
        return Optional.of(new FolderLock(channel));
    }

    private static long position(String model) {
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest(model.getBytes(StandardCharsets.UTF_8));
            // Far from the end of what a file system can number.
            return ByteBuffer.wrap(digest).getLong() >>> 2;
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
