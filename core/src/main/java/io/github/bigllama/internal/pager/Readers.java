package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pagecache.ReadBatch;
import io.github.bigllama.internal.pager.Transfers.Task;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

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

    /** Threads that hand several slices to the system at once. */
    private static final int OF_BATCHES = 2;

    private static final int IN_ORDER = 4;

    private final PiecePool pool;
    private final List<Thread> threads = new ArrayList<>();

    /**
     * Starts the readers.
     *
     * @param batches opens a batch; null where there are none
     */
    Readers(PiecePool pool, boolean hasExperts, Supplier<ReadBatch> batches) {
        this.pool = pool;
        ReadBatch batch = hasExperts ? batches.get() : null;
        int count = !hasExperts ? IN_ORDER : batch == null ? OF_SLICES : OF_BATCHES;
        for (int i = 0; i < count; i++) {
            ReadBatch own = i == 0 || batch == null ? batch : batches.get();
            threads.add(
                    Thread.ofPlatform()
                            .daemon()
                            .name("bigllama-reader-" + i)
                            .start(() -> read(own)));
        }
    }

    private void read(ReadBatch batch) {
        try (batch) {
            int most = batch == null ? 1 : batch.most();
            for (List<Task> tasks = pool.take(most); !tasks.isEmpty(); tasks = pool.take(most)) {
                if (tasks.size() > 1) {
                    read(tasks, batch);
                } else {
                    Task task = tasks.getFirst();
                    pool.done(task, problem(task::run));
                }
            }
        } catch (InterruptedException e) {
            // Nobody interrupts a reader; if it happens, there is just one less.
        }
    }

    private void read(List<Task> tasks, ReadBatch batch) {
        batch.read(
                tasks.stream().map(Task::begin).toList(),
                (index, count) -> {
                    Task task = tasks.get(index);
                    pool.done(task, problem(() -> task.end(count)));
                });
    }

    private interface Work {
        void run() throws IOException;
    }

    private static IOException problem(Work work) {
        try {
            work.run();
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
