package io.github.bigllama.internal.pagecache;

import java.util.List;

/**
 * Hands several reads to the system at once. That costs less processor time than a thread for each
 * of them: the disk, and on a virtual machine the program of the host that is the disk, is woken
 * once. For one thread.
 */
public interface ReadBatch extends AutoCloseable {
    /** What happens when a read is done. */
    interface Listener {
        /**
         * Is called on the thread that reads.
         *
         * @param index the place of the read in its batch
         * @param count the bytes read, which may be fewer than wanted; or -errno
         */
        void hasRead(int index, long count);
    }

    /** The most reads at once. */
    int most();

    /**
     * Reads, and tells of each read when it is done, in any order; returns when all are.
     *
     * @param reads {@link #most} at most
     */
    void read(List<DirectRead> reads, Listener listener);

    @Override
    void close();
}
