package io.github.bigllama.internal.engine;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** Lets one thread at a time pull from an answer, and any thread end it. Thread-safe. */
public final class Pulls {
    /** An operation of a computation that is cancelled takes less, even where a disk is slow. */
    private static final long PATIENCE_SECONDS = 10;

    private final ReentrantLock lock = new ReentrantLock();
    private volatile Thread puller;
    private volatile boolean isEnding;

    /**
     * A pull begins; {@link #end} ends it.
     *
     * @throws WrongThreadException while another thread pulls
     */
    public void begin() {
        if (!lock.tryLock()) {
            Thread other = puller;
            if (!isEnding) {
                throw new WrongThreadException(
                        "the answer is being read by %s; only close() and cancel() may be called meanwhile"
                                .formatted(
                                        other == null
                                                ? "another thread"
                                                : Occupancy.describe(other)));
            }
            lock.lock();
        }
        puller = Thread.currentThread();
    }

    /** A pull, or the end of the answer, is done. */
    public void end() {
        if (lock.getHoldCount() == 1) {
            puller = null;
        }
        lock.unlock();
    }

    /**
     * Before an answer is ended; {@link #end} comes after it. Waits for the pull that is under way.
     *
     * @param cancel has that pull come back soon
     * @return false if it is further up in this call, or does not come back: then it ends the
     *     answer when it does
     */
    public boolean beginEnd(Runnable cancel) {
        isEnding = true;
        if (lock.isHeldByCurrentThread()) {
            cancel.run();
            return false;
        }
        if (!lock.tryLock()) {
            cancel.run();
            try {
                if (!lock.tryLock(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                    return false;
                }
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        puller = Thread.currentThread();
        return true;
    }
}
