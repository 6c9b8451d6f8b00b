package io.github.bigllama.internal.pagecache;

import java.util.List;

/**
 * Hands several reads to the system at once, which costs less processor time than a thread for each
 * of them. Used by one thread at a time.
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

    /** The most reads at once; 1 if it can't be used any more. */
    int most();

    /**
     * Reads, and tells of each read when it is done, in any order; returns when all are.
     *
     * @param reads {@link #most} at most
     */
    void read(List<DirectRead> reads, Listener listener);

    /** Ends it, not during a read. */
    @Override
    void close();
}
