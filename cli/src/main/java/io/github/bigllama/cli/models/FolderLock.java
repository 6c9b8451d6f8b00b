package io.github.bigllama.cli.models;

import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * The lock of a model in the models folder, so that only one program at a time changes its files.
 * It is a byte of a file that is never deleted: lock files of single models would have to be
 * deleted, which fails while others lock them.
 */
final class FolderLock {
    private static final String NAME = ".lock";

    private FolderLock() {}

    /** An action that changes files. */
    interface Action {
        void run() throws IOException;
    }

    /**
     * Runs an action while the model is locked.
     *
     * @param busy the message if another program has locked it
     * @throws PullException if another program has locked the model
     * @throws IOException if the folder can't be written
     */
    static void hold(Path folder, String model, String busy, Action action) throws IOException {
        try (FileChannel channel =
                FileChannel.open(
                        folder.resolve(NAME),
                        StandardOpenOption.CREATE,
                        StandardOpenOption.WRITE)) {
            if (!isLocked(channel, position(model))) {
                throw new PullException(busy);
            }
            action.run();
        }
    }

    /** Tries to lock, until the channel is closed. */
    private static boolean isLocked(FileChannel channel, long position) {
        try {
            return channel.tryLock(position, 1, false) != null;
        } catch (OverlappingFileLockException e) {
            // Another thread of this program has locked it.
            return false;
        } catch (IOException e) {
            // A file system without locks does not lock anything.
            return true;
        }
    }

    private static long position(String model) {
        try {
            byte[] digest =
                    MessageDigest.getInstance("SHA-256")
                            .digest(model.getBytes(StandardCharsets.UTF_8));
            // Far below the largest position in a file.
            return ByteBuffer.wrap(digest).getLong() >>> 2;
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
