package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pager.Transfers.Task;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Gives the tasks of the queue to the readers, and has the lock under which all of it changes. All
 * methods except {@link #hold}, {@link #take} and {@link #done} must be called by a thread that has
 * a {@link #hold}.
 */
final class Dispatcher {
    private final ReentrantLock lock = new ReentrantLock();
    private final Hold hold = this::endHold;

    /** Signalled when there is a task for a reader that waits. */
    private final Condition work = lock.newCondition();

    /** Signalled when a piece has arrived or gone. */
    private final Condition change = lock.newCondition();

    private final WorkQueue queue;

    /** A task for whichever reader comes first; null if there is none. */
    private Task offered;

    /** Whether there may be another task, because something has changed. */
    private boolean changed;

    private boolean closed;

    Dispatcher(WorkQueue queue) {
        this.queue = queue;
    }

    /** Waits until no other thread has a hold. */
    Hold hold() {
        lock.lock();
        return hold;
    }

    private void endHold() {
        try {
            if (lock.getHoldCount() == 1) {
                offer();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Wakes a reader if there is a task for it. Readers that are woken for nothing take the cores
     * from computing. One is woken at a time, and wakes the next.
     */
    private void offer() {
        if (changed && lock.hasWaiters(work) && offered == null && !closed) {
            changed = false;
            offered = queue.next(true);
            if (offered != null) {
                work.signal();
            }
        }
    }

    /**
     * Waits for the next tasks of a reader: one, or some reads that can be done together. None if
     * there will be none any more.
     *
     * @param most the most tasks
     */
    List<Task> take(int most) throws InterruptedException {
        lock.lockInterruptibly();
        try {
            while (true) {
                List<Task> tasks = takeNow(most);
                if (!tasks.isEmpty() || closed) {
                    return tasks;
                }
                work.await();
            }
        } finally {
            lock.unlock();
        }
    }

    private List<Task> takeNow(int most) {
        List<Task> tasks = new ArrayList<>();
        Task task = poll(true);
        while (task != null) {
            tasks.add(task);
            if (!task.canBeBatched() || tasks.size() >= most) {
                // There may be more for another reader.
                changed = true;
                offer();
                break;
            }
            task = poll(false);
            if (task != null && !task.canBeBatched()) {
                offered = task;
                work.signal();
                break;
            }
        }
        return tasks;
    }

    private Task poll(boolean isFirst) {
        Task task = offered == null && !closed ? queue.next(isFirst) : offered;
        offered = null;
        return task;
    }

    /**
     * Ends a task from {@link #take}.
     *
     * @param isLast whether the reader calls {@link #take} right after this
     */
    void done(Task task, IOException problem, boolean isLast) {
        lock.lock();
        try {
            task.done(problem);
            change.signalAll();
            if (!isLast) {
                changed = true;
                offer();
            }
        } finally {
            lock.unlock();
        }
    }

    /**
     * Notes that there may be a task, for which a reader is woken when the thread lets others in:
     * until then, more may change.
     */
    void wake() {
        changed = true;
    }

    /** Waits until a task is done, for a moment at most. */
    void awaitChange() throws InterruptedException {
        offer();
        change.await(1, TimeUnit.SECONDS);
    }

    /** Waits until a task is done. */
    void awaitDone() {
        change.awaitUninterruptibly();
    }

    /** Has no tasks begin any more. */
    void close() {
        closed = true;
        work.signalAll();
        change.signalAll();
    }
}
