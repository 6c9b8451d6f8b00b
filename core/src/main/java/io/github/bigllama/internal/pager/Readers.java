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
    private static final System.Logger LOGGER = System.getLogger(Readers.class.getName());

    /**
     * Two threads saturate the disks that were measured when they read megabytes in order. Slices
     * of experts are smaller and scattered: eight threads read 2.2 GB/s of them where four read
     * 1.9. Most of them sleep where slices are read in batches.
     */
    private static final int OF_SLICES = 8;

    private static final int IN_ORDER = 4;

    private final Dispatcher dispatcher;
    private final List<Thread> threads = new ArrayList<>();

    /**
     * Starts the readers.
     *
     * @param batches opens a batch; null where there are none
     */
    Readers(Dispatcher dispatcher, boolean hasExperts, Supplier<ReadBatch> batches) {
        this.dispatcher = dispatcher;
        for (int i = 0; i < (hasExperts ? OF_SLICES : IN_ORDER); i++) {
            ReadBatch batch = hasExperts ? batches.get() : null;
            threads.add(
                    Thread.ofPlatform()
                            .daemon()
                            .name("bigllama-reader-" + i)
                            .start(() -> read(batch)));
        }
    }

    private void read(ReadBatch batch) {
        try (batch) {
            while (true) {
                List<Task> tasks = dispatcher.take(batch == null ? 1 : batch.most());
                if (tasks.isEmpty()) {
                    return;
                }
                if (tasks.size() > 1) {
                    read(tasks, batch);
                } else {
                    Task task = tasks.getFirst();
                    dispatcher.done(task, problem(task::run), true);
                }
            }
        } catch (InterruptedException e) {
            // Nobody interrupts a reader; if it happens, there is just one less.
        }
    }

    private void read(List<Task> tasks, ReadBatch batch) {
        List<Task> left = new ArrayList<>(tasks);
        try {
            batch.read(
                    tasks.stream().map(Task::begin).toList(),
                    (index, count) -> {
                        Task task = tasks.get(index);
                        IOException problem = problem(() -> task.end(count));
                        left.remove(task);
                        dispatcher.done(task, problem, left.isEmpty());
                    });
        } catch (RuntimeException | Error e) {
            LOGGER.log(System.Logger.Level.WARNING, "weights are read one by one now", e);
            // When it is closed, nothing is written into slots any more.
            batch.close();
            left.forEach(task -> dispatcher.done(task, new IOException(e.toString(), e), false));
        }
    }

    private static IOException problem(Transfers.Work work) {
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
        try (Hold hold = dispatcher.hold()) {
            dispatcher.close();
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
