package io.github.bigllama.cli.models;

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
 * Of one model in the models folder, so that only one program at a time changes its files. It is a
 * byte of a file that is never deleted: a lock file for each model would have to be, and deleting
 * what others lock goes wrong.
 */
final class FolderLock {
    private static final String NAME = ".lock";

    private FolderLock() {}

    /** What changes files. */
    interface Action {
        void run() throws IOException;
    }

    /**
     * Does something while the model is locked.
     *
     * @param busy says that another program has locked it
     * @throws PullException if so
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

    /** Until the channel is closed. */
    private static boolean isLocked(FileChannel channel, long position) {
        try {
            return channel.tryLock(position, 1, false) != null;
        } catch (OverlappingFileLockException e) {
            // By another thread of this program: the same.
            return false;
        } catch (IOException e) {
            // A file system without locks; then there are none.
            return true;
        }
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
}
