package io.github.bigllama.internal.engine;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** Lets one thread at a time read an answer, and any thread end it. Thread-safe. */
public final class Pulls {
    /** A single operation of a cancelled computation takes less time, even with a slow disk. */
    private static final long PATIENCE_SECONDS = 10;

    private final ReentrantLock lock = new ReentrantLock();
    private volatile Thread puller;
    private volatile boolean isEnding;

    /**
     * Begins a pull; {@link #end} ends it.
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

    /** Ends a pull, or the ending of the answer. */
    public void end() {
        if (lock.getHoldCount() == 1) {
            puller = null;
        }
        lock.unlock();
    }

    /**
     * Begins ending the answer, to be followed by {@link #end}. Waits for a pull that is under way.
     *
     * @param cancel makes that pull return soon
     * @return false if the pull is further up in this call, or does not return: then it ends the
     *     answer when it returns
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
