package io.github.bigllama.internal.pager;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The threads that read and drop pieces. They mostly sleep, in the kernel or for lack of tasks. */
// A hold is kept, not used.
@SuppressWarnings("try")
final class Readers implements AutoCloseable {
    /**
     * Two threads saturate the disks that were measured when they read megabytes in order. Slices
     * of experts are smaller and scattered: eight threads read 2.2 GB/s of them where four read
     * 1.9.
     */
    private static final int OF_SLICES = 8;

    private static final int IN_ORDER = 4;

    private final PiecePool pool;
    private final List<Thread> threads = new ArrayList<>();

    Readers(PiecePool pool, boolean hasExperts) {
        this.pool = pool;
        for (int i = 0; i < (hasExperts ? OF_SLICES : IN_ORDER); i++) {
            threads.add(
                    Thread.ofPlatform().daemon().name("bigllama-reader-" + i).start(this::read));
        }
    }

    private void read() {
        try {
            for (Transfers.Task task = pool.take(); task != null; task = pool.take()) {
                pool.done(task, execute(task));
            }
        } catch (InterruptedException e) {
            // Nobody interrupts a reader; if it happens, there is just one less.
        }
    }

    private IOException execute(Transfers.Task task) {
        try {
            task.run();
            return null;
        } catch (IOException e) {
            return e;
        } catch (RuntimeException | Error e) {
            // A task that is never done would be waited for.
            return new IOException(e.toString(), e);
        }
    }

    /** Ends the readers; returns when none of them uses a file any more. */
    @Override
    public void close() {
        try (PiecePool.Hold hold = pool.hold()) {
            pool.close();
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
