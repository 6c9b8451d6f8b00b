package io.github.bigllama.cli.network;

import java.io.IOException;
import java.time.Duration;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Repeats failed attempts as long as bytes arrive: progress counts, not the number of attempts.
 * When a server asks to wait, all connections wait. Thread-safe.
 */
public final class Patience {
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(15);

    /** The longest that a server may ask to wait, in total, without progress. */
    private static final Duration LONGEST_ASKED = Duration.ofHours(1);

    /** Shorter waits are not reported. */
    private static final Duration NOTABLE = Duration.ofSeconds(3);

    private final Limits limits;
    private final Consumer<String> notice;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition stop = lock.newCondition();

    // These fields are guarded by the lock; times are in nanoseconds.
    private boolean isStopped;
    private boolean hasCome;
    private long last = System.nanoTime();
    private long asked;
    private long askedUntil;
    private String trouble;

    /**
     * How long to keep trying.
     *
     * @param first time to keep trying if nothing has ever arrived
     * @param later time to keep trying since the last progress, not counting waits that the server
     *     asked for
     * @param pause pause before the second attempt; it doubles with each attempt
     */
    public record Limits(Duration first, Duration later, Duration pause) {
        public static final Limits USUAL =
                new Limits(Duration.ofSeconds(60), Duration.ofMinutes(5), Duration.ofSeconds(1));
    }

    /** Something to attempt again if it fails. */
    public interface Attempt<T> {
        T run() throws IOException;
    }

    /** The connection is slow, and another may be faster: to be tried again at once. */
    public static final class SlowException extends IOException {
        private static final long serialVersionUID = 1;
    }

    /**
     * Creates the patience of a download.
     *
     * @param notice is given a line for the user when the server asks to wait
     */
    public Patience(Limits limits, Consumer<String> notice) {
        this.limits = limits;
        this.notice = notice;
    }

    /** Notes that bytes have arrived. */
    public void progress() {
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
    public void stop() {
        lock.lock();
        try {
            isStopped = true;
            stop.signalAll();
        } finally {
            lock.unlock();
        }
    }

    public boolean isStopped() {
        lock.lock();
        try {
            return isStopped;
        } finally {
            lock.unlock();
        }
    }

    /** Why nothing arrives at the moment; empty if bytes arrive. */
    public Optional<String> trouble() {
        lock.lock();
        try {
            long left = askedUntil - System.nanoTime();
            return left > 0 && trouble != null
                    ? Optional.of("waiting as the server asked: " + seconds(left) + " s left")
                    : Optional.ofNullable(trouble);
        } finally {
            lock.unlock();
        }
    }

    /**
     * Makes attempts until one succeeds.
     *
     * @param what the beginning of the message if all attempts fail
     * @param position grows when an attempt made progress
     * @throws IOException the last failure, when patience has run out; failures other than {@link
     *     NetworkException} and {@link BusyException} at once if nothing has ever arrived
     * @throws CancellationException after {@link #stop}
     */
    public <T> T again(String what, LongSupplier position, Attempt<T> attempt) throws IOException {
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

    /** Notes how long the server asks to wait; null if it does not say. */
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
                        String.format(
                                Locale.ROOT,
                                "%s: the server asks to wait %s (%d)",
                                what,
                                text(wait),
                                busy.status()),
                        busy);
            }
            // All connections are asked the same.
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
                    String.format(
                            Locale.ROOT,
                            "the server asks to wait %s (%d); waiting",
                            text(wait),
                            busy.status()));
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

    /** Waits for this time, and until all waits that servers asked for have ended. */
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
