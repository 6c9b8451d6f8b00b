package io.github.bigllama.cli.models;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * What failed is tried again as long as something comes: progress counts, and not the number of
 * attempts. When a server asks to wait, all connections do. Thread-safe.
 */
final class Patience {
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(15);

    /** What a server may ask for, in all, before something comes again. */
    private static final Duration LONGEST_ASKED = Duration.ofHours(1);

    /** Shorter waits are not worth a line. */
    private static final Duration NOTABLE = Duration.ofSeconds(3);

    private final Limits limits;
    private final Consumer<String> notice;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition stop = lock.newCondition();

    // All of these under the lock; times in nanoseconds.
    private boolean isStopped;
    private boolean hasCome;
    private long last = System.nanoTime();
    private long asked;
    private long askedUntil;
    private String trouble;

    /**
     * How long to go on.
     *
     * @param first without anything having come at all
     * @param later without anything coming any more, not counting what the server asked to wait
     * @param pause before the second attempt; it doubles with each
     */
    record Limits(Duration first, Duration later, Duration pause) {
        static final Limits USUAL =
                new Limits(Duration.ofSeconds(60), Duration.ofMinutes(5), Duration.ofSeconds(1));
    }

    /** What is tried again. */
    interface Attempt<T> {
        T run() throws IOException;
    }

    /** Another connection may do better: to be tried again at once. */
    static final class SlowException extends IOException {
        private static final long serialVersionUID = 1;
    }

    /**
     * New patience.
     *
     * @param notice is told in a line when the server asks to wait
     */
    Patience(Limits limits, Consumer<String> notice) {
        this.limits = limits;
        this.notice = notice;
    }

    /** Something has come. */
    void progress() {
        lock.lock();
        try {
            hasCome = true;
            last = System.nanoTime();
            asked = 0;
            if (System.nanoTime() >= askedUntil) {
                trouble = null;
            }
        } finally {
            lock.unlock();
        }
    }

    /** Ends all attempts and waits, now and later. */
    void stop() {
        lock.lock();
        try {
            isStopped = true;
            stop.signalAll();
        } finally {
            lock.unlock();
        }
    }

    boolean isStopped() {
        lock.lock();
        try {
            return isStopped;
        } finally {
            lock.unlock();
        }
    }

    /** Why nothing comes at the moment, if that is so. */
    Optional<String> trouble() {
        lock.lock();
        try {
            long left = askedUntil - System.nanoTime();
            return left > 0 && trouble != null
                    ? Optional.of("the server asks to wait: " + seconds(left) + " s left")
                    : Optional.ofNullable(trouble);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Tries until it works.
     *
     * @param what does not work, for the message
     * @param position grows when an attempt had some success
     * @throws IOException the last failure, when patience is at its end; others than {@link
     *     NetworkException} and {@link BusyException} at once if nothing ever came
     * @throws CancellationException after {@link #stop}
     */
    <T> T again(String what, LongSupplier position, Attempt<T> attempt) throws IOException {
        int failures = 0;
        while (true) {
            await(0);
            long before = position.getAsLong();
            try {
                return attempt.run();
            } catch (SlowException e) {
                requireGoing();
            } catch (IOException e) {
                requireGoing();
                failures = position.getAsLong() > before ? 1 : failures + 1;
                Duration wait = e instanceof BusyException busy ? askedBy(busy, what) : null;
                if (wait == null) {
                    requirePatience(what, e);
                    await(pause(failures));
                }
            }
        }
    }

    private long pause(int failures) {
        return Math.min(
                LONGEST_PAUSE.toNanos(), limits.pause.toNanos() << Math.min(failures - 1, 10));
    }

    /** Notes what the server asks for; null if it does not. */
    private Duration askedBy(BusyException busy, String what) throws IOException {
        Duration wait = busy.asked().filter(duration -> !duration.isZero()).orElse(null);
        if (wait == null) {
            return null;
        }
        boolean isNews = false;
        lock.lock();
        try {
            long now = System.nanoTime();
            long until = now + wait.toNanos();
            if (wait.compareTo(LONGEST_ASKED) > 0
                    || asked + until - Math.max(now, askedUntil) > LONGEST_ASKED.toNanos()) {
                throw new IOException(
                        "%s: the server asks to wait %s (%d)"
                                .formatted(what, text(wait), busy.status()),
                        busy);
            }
            // Four connections are told the same.
            if (until > Math.max(now, askedUntil)) {
                asked += until - Math.max(now, askedUntil);
                isNews = until - Math.max(now, askedUntil) > NOTABLE.toNanos();
                askedUntil = until;
            }
            trouble = "the server asked to wait";
        } finally {
            lock.unlock();
        }
        if (isNews) {
            notice.accept(
                    "the server asks to wait %s (%d); waiting"
                            .formatted(text(wait), busy.status()));
        }
        return wait;
    }

    private static String text(Duration wait) {
        return wait.compareTo(Duration.ofMinutes(10)) < 0
                ? wait.toSeconds() + " s"
                : wait.compareTo(Duration.ofHours(2)) < 0
                        ? wait.toMinutes() + " min"
                        : wait.toHours() + " h";
    }

    private void requirePatience(String what, IOException failure) throws IOException {
        lock.lock();
        try {
            boolean isHopeless =
                    !hasCome && failure instanceof NetworkException e && !e.isTransient();
            long without = System.nanoTime() - last - asked;
            long limit = (hasCome ? limits.later : limits.first).toNanos();
            if (isHopeless || without > limit) {
                String since =
                        isHopeless ? "" : " (tried for " + Math.max(1, seconds(without)) + " s)";
                throw new IOException(what + ": " + failure.getMessage() + since, failure);
            }
            trouble = "trying again: " + failure.getMessage();
        } finally {
            lock.unlock();
        }
    }

    private void requireGoing() {
        if (isStopped()) {
            throw new CancellationException("stopped");
        }
    }

    /** Waits that long, and until no server asks to wait any longer. */
    private void await(long nanos) {
        lock.lock();
        try {
            long end = System.nanoTime() + nanos;
            while (!isStopped) {
                long now = System.nanoTime();
                long left = Math.max(end, askedUntil) - now;
                if (left <= 0) {
                    return;
                }
                stop.await(left, TimeUnit.NANOSECONDS);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            lock.unlock();
        }
        throw new CancellationException("stopped");
    }

    private static long seconds(long nanos) {
        return Math.ceilDiv(nanos, 1_000_000_000L);
    }
}
