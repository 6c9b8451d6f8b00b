package io.github.bigllama.core.chat;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.function.Function;

/** Results of a function in the order of their inputs, some of which are computed ahead. */
final class Ahead<T, R> implements Iterator<R>, AutoCloseable {
    private final Iterator<T> inputs;
    private final Function<T, R> function;
    private final ExecutorService threads;
    private final int most;
    private final Deque<Future<R>> begun = new ArrayDeque<>();

    /**
     * Begins without results.
     *
     * @param threads run the function
     * @param most the most inputs that are read before their results are asked for
     */
    Ahead(Iterator<T> inputs, Function<T, R> function, ExecutorService threads, int most) {
        this.inputs = inputs;
        this.function = function;
        this.threads = threads;
        this.most = most;
    }

    @Override
    public boolean hasNext() {
        while (begun.size() < most && inputs.hasNext()) {
            T input = inputs.next();
            try {
                begun.add(threads.submit(() -> function.apply(input)));
            } catch (RejectedExecutionException e) {
                throw new IllegalStateException("the batch is closed", e);
            }
        }
        return !begun.isEmpty();
    }

    /**
     * The next result. If there is none, what was begun is ended.
     *
     * @throws CancellationException if the thread is interrupted; it stays interrupted
     */
    @Override
    public R next() {
        if (!hasNext()) {
            throw new NoSuchElementException("all inputs have their results");
        }
        try {
            return begun.removeFirst().get();
        } catch (ExecutionException e) {
            close();
            throw Ahead.<RuntimeException>same(e.getCause());
        } catch (InterruptedException e) {
            close();
            Thread.currentThread().interrupt();
            throw new CancellationException("interrupted");
        }
    }

    /** What a user's code has thrown, which need not have been declared. */
    @SuppressWarnings("unchecked")
    private static <E extends Throwable> E same(Throwable thrown) throws E {
        throw (E) thrown;
    }

    /** Ends what was begun. */
    @Override
    public void close() {
        begun.forEach(future -> future.cancel(true));
        begun.clear();
    }
}
