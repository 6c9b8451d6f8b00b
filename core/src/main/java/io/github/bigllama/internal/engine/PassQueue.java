package io.github.bigllama.internal.engine;

import io.github.bigllama.internal.threads.AbortSwitch;
import io.github.bigllama.internal.threads.PlatformThread;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;

/**
 * Has the lanes of a context share passes. A thread of its own computes while there are requests:
 * it waits for none of the callers longer than a small part of a pass, and callers may be virtual
 * threads, which hold no carrier meanwhile. Thread-safe.
 */
final class PassQueue {
    /** The part of a pass for which the next one waits for lanes that took part in it. */
    private static final double PATIENCE = 0.25;

    private static final long LEAST_PATIENCE = TimeUnit.MILLISECONDS.toNanos(2);
    private static final long MOST_PATIENCE = TimeUnit.MILLISECONDS.toNanos(50);

    /** An answer of which nothing has been asked for so long does not keep prompts short. */
    private static final long READING = TimeUnit.SECONDS.toNanos(2);

    private final Context context;
    private final AbortSwitch abort;
    private final int batchSize;
    private final int outputs;
    private final PromptShare prompts;

    private final ReentrantLock mutex = new ReentrantLock();

    /** Something has changed that the next pass waits for. */
    private final Condition changed = mutex.newCondition();

    /** Some requests have their results. */
    private final Condition done = mutex.newCondition();

    /** Requests without a result that no pass computes yet, in their order. */
    private final List<Request> waiting = new ArrayList<>();

    /** Requests that the current pass computes. */
    private final List<Request> computing = new ArrayList<>();

    /** Requests that did not fit beside others: they come first in the next pass. */
    private final Set<Request> refused = new HashSet<>();

    /** Lanes that took part in the last pass and will most likely be back soon. */
    private final Set<Lane> expected = new HashSet<>();

    /** Lanes that were waited for in vain, and have not been quick since. */
    private final Set<Lane> late = new HashSet<>();

    /** Lanes whose last request was of an answer that has not ended. */
    private final Set<Lane> answering = new HashSet<>();

    /** Whether the current pass computes fewer tokens of prompts than there is room for. */
    private boolean isShort;

    private boolean isRunning;

    /** Nanoseconds to wait for others before the first pass. */
    private long begin;

    private long lastEnd;
    private long patience = LEAST_PATIENCE;

    /**
     * A queue without requests.
     *
     * @param batchSize most tokens of a pass
     * @param outputs most tokens of a pass that have logits
     */
    PassQueue(Context context, AbortSwitch abort, int batchSize, int outputs) {
        this.context = context;
        this.abort = abort;
        this.batchSize = batchSize;
        this.outputs = outputs;
        this.prompts = new PromptShare(batchSize);
    }

    /**
     * Waits until a request has its result, or is withdrawn. An interrupt withdraws it, even from a
     * pass under way, which goes on if others want its results.
     */
    void compute(Request request) {
        boolean wasInterrupted = false;
        mutex.lock();
        try {
            if (request.isCancelled()) {
                return;
            }
            arrive(request);
            while (isPending(request)) {
                try {
                    if (request.isInterruptible()) {
                        done.await();
                    } else {
                        done.awaitUninterruptibly();
                    }
                } catch (InterruptedException e) {
                    wasInterrupted = true;
                    request.interrupt();
                    withdraw(request);
                }
            }
        } finally {
            refused.remove(request);
            mutex.unlock();
            if (wasInterrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private boolean isPending(Request request) {
        return waiting.contains(request) || computing.contains(request) && !request.isAbandoned();
    }

    private void withdraw(Request request) {
        if (!waiting.remove(request) && computing.contains(request)) {
            request.abandon();
            abort.update();
        }
        done.signalAll();
    }

    private void arrive(Request request) {
        Lane lane = request.lane();
        waiting.add(request);
        expected.remove(lane);
        if (System.nanoTime() - lane.lastEnd() <= patience) {
            late.remove(lane);
        }
        if (isRunning) {
            changed.signal();
            return;
        }
        try {
            // Who begins at the same time begins together.
            begin = request.isWhole() ? 0 : LEAST_PATIENCE;
            PlatformThread.start(this::run);
            isRunning = true;
        } catch (RuntimeException | Error e) {
            waiting.remove(request);
            throw e;
        }
    }

    /** Withdraws the requests of a lane that have been cancelled. */
    void withdraw(Lane lane) {
        mutex.lock();
        try {
            Stream.concat(waiting.stream(), computing.stream())
                    .filter(request -> request.lane() == lane && request.isCancelled())
                    .toList()
                    .forEach(this::withdraw);
        } finally {
            mutex.unlock();
        }
    }

    /** Notes that a lane will not be back soon. */
    void rest(Lane lane) {
        mutex.lock();
        try {
            expected.remove(lane);
            late.remove(lane);
            answering.remove(lane);
            changed.signal();
        } finally {
            mutex.unlock();
        }
    }

    private void run() {
        try {
            TimeUnit.NANOSECONDS.sleep(begin);
            while (next()) {
                long start = System.nanoTime();
                List<Request> postponed = context.pass(computing, fraction -> {});
                finish(postponed, System.nanoTime() - start);
            }
        } catch (RuntimeException | Error e) {
            fail(e);
        } catch (InterruptedException e) {
            // Nobody interrupts this thread.
            fail(new IllegalStateException(e));
        }
    }

    /** Whatever happens here, nobody waits for it forever. */
    private void fail(Throwable reason) {
        mutex.lock();
        try {
            waiting.addAll(computing);
            waiting.forEach(request -> request.failed(reason));
            waiting.clear();
            computing.clear();
            expected.clear();
            answering.clear();
            isRunning = false;
            done.signalAll();
        } finally {
            mutex.unlock();
        }
    }

    /** Chooses the requests of the next pass; false if there are none. */
    private boolean next() {
        mutex.lock();
        try {
            gather();
            if (waiting.isEmpty()) {
                isRunning = false;
                context.rest();
                return false;
            }
            choose();
            waiting.removeAll(computing);
            return true;
        } finally {
            mutex.unlock();
        }
    }

    /**
     * Waits a little for the lanes of the last pass: otherwise each half of them would compute
     * while the other half chooses tokens, and all weights would be read twice as often.
     */
    private void gather() {
        long deadline = lastEnd + patience;
        while (expected.stream().anyMatch(this::mayJoin)) {
            long left = deadline - System.nanoTime();
            if (left <= 0) {
                expected.stream().filter(this::mayJoin).forEach(late::add);
                expected.removeAll(late);
                return;
            }
            try {
                changed.awaitNanos(left);
            } catch (InterruptedException e) {
                // Nobody interrupts this thread.
                deadline = System.nanoTime();
            }
        }
    }

    /** Whether a lane could take part in the next pass: it has one set of adapters. */
    private boolean mayJoin(Lane lane) {
        return waiting.isEmpty() || lane.adapters().equals(first().lane().adapters());
    }

    /** The request that the next pass computes in any case: one refused before, or the oldest. */
    private Request first() {
        return waiting.stream().filter(refused::contains).findFirst().orElseGet(waiting::getFirst);
    }

    /**
     * Of the requests with the same adapters as the first, tokens of answers, then in equal shares
     * those of prompts; or embeddings of one.
     */
    private void choose() {
        if (first().embeddings() != null) {
            computing.add(first());
            isShort = false;
            return;
        }
        Adapters adapters = first().lane().adapters();
        List<Request> group =
                waiting.stream()
                        .filter(request -> request.embeddings() == null)
                        .filter(request -> request.lane().adapters().equals(adapters))
                        .toList();
        List<Request> answers = new ArrayList<>();
        List<Request> parts = new ArrayList<>();
        group.stream().filter(refused::contains).forEach(answers::add);
        group.stream().filter(r -> r.isWhole() && !refused.contains(r)).forEach(answers::add);
        group.stream().filter(r -> !r.isWhole() && !refused.contains(r)).forEach(parts::add);
        int room = batchSize;
        int rows = outputs;
        for (Request request : answers) {
            if (computing.isEmpty() || request.count() <= room && request.outputs() <= rows) {
                request.share(Math.min(request.count(), batchSize));
                computing.add(request);
                room -= request.share();
                rows -= request.outputs();
            }
        }
        long now = System.nanoTime();
        answering.removeIf(lane -> now - lane.lastEnd() > READING);
        isShort = !computing.isEmpty() || !answering.isEmpty();
        if (isShort) {
            room = Math.min(room, prompts.next(!computing.isEmpty()));
        }
        for (int i = 0; i < parts.size() && room > 0 && rows > 0; i++) {
            Request request = parts.get(i);
            request.share(Math.clamp(room / (parts.size() - i), 1, request.count()));
            computing.add(request);
            room -= request.share();
            rows -= request.outputs();
        }
    }

    private int promptTokens() {
        return computing.stream()
                .filter(request -> !request.isWhole())
                .mapToInt(Request::share)
                .sum();
    }

    private void finish(List<Request> postponed, long nanos) {
        mutex.lock();
        try {
            computing.removeAll(postponed);
            waiting.addAll(0, postponed);
            refused.addAll(postponed);
            waiting.removeIf(Request::isCancelled);
            lastEnd = System.nanoTime();
            patience = Math.clamp((long) (PATIENCE * nanos), LEAST_PATIENCE, MOST_PATIENCE);
            prompts.observe(promptTokens(), isShort, nanos);
            for (Request request : computing) {
                request.lane().ended(lastEnd);
                if (request.isWhole()) {
                    answering.add(request.lane());
                } else {
                    answering.remove(request.lane());
                }
                if (!request.isCancelled()
                        && !request.hasFailed()
                        && !late.contains(request.lane())) {
                    expected.add(request.lane());
                }
            }
            computing.clear();
            done.signalAll();
        } finally {
            mutex.unlock();
        }
    }
}
