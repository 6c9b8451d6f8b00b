package io.github.bigllama.internal.pager;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** The threads that read and drop; they sleep in the kernel, or because there is nothing to do. */
final class Readers implements AutoCloseable {
    /** Two saturate the disks measured; a few more hide the time between two reads. */
    private static final int COUNT = 4;

    private final PiecePool pool;
    private final List<Thread> threads = new ArrayList<>();

    Readers(PiecePool pool) {
        this.pool = pool;
        for (int i = 0; i < COUNT; i++) {
            threads.add(
                    Thread.ofPlatform().daemon().name("bigllama-reader-" + i).start(this::read));
        }
    }

    private void read() {
        try {
            for (PiecePool.Task task = pool.take(); task != null; task = pool.take()) {
                pool.done(task, execute(task));
            }
        } catch (InterruptedException e) {
            // Nobody interrupts a reader; it would only be missing.
        }
    }

    private static IOException execute(PiecePool.Task task) {
        try {
            if (task.drop()) {
                task.file().drop(task.offset(), task.length());
            } else {
                task.file().read(task.offset(), task.length());
            }
            return null;
        } catch (IOException e) {
            return e;
        }
    }

    /** Ends them; returns when none of them is in a file any more. */
    @Override
    public void close() {
        pool.lock.lock();
        try {
            pool.close();
        } finally {
            pool.lock.unlock();
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
