package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.AvailableRam;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.internal.system.SystemFile;
import java.nio.file.Path;
import java.util.OptionalLong;
import java.util.function.LongConsumer;
import java.util.function.LongSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Watches how much memory the system has left while weights are in own memory, which the system
 * would swap instead of dropping it. If RAM is short, own memory is given back before that, even in
 * the middle of a pass.
 */
final class PressureWatch implements AutoCloseable {
    private static final long USUAL_MILLIS = 50;

    /** The interval while programs wait for memory. */
    private static final long PRESSED_MILLIS = 20;

    private static final Path PRESSURE = Path.of("/proc/pressure/memory");
    private static final Pattern STALLED = Pattern.compile("some .*total=(\\d+)");

    /**
     * While memory is given back, another program goes on taking it: as much as it took since the
     * last look, so many times.
     */
    private static final int AHEAD = 3;

    /** Microseconds of waiting for memory, by any program, that are significant. */
    private static final long STALL = 2000;

    private final LongSupplier shortage;
    private final LongConsumer shrink;
    private final Thread thread;
    private long stalled = stalled();
    private long swapped = AvailableRam.swappedBytes();

    /** Bytes that were missing at the last look, less those that were given back since. */
    private long expected;

    /**
     * Starts watching.
     *
     * @param shortage bytes that are missing for the plan; negative if there is more
     * @param shrink is given the number of bytes to give back, on the watching thread
     */
    PressureWatch(LongSupplier shortage, LongConsumer shrink) {
        this.shortage = shortage;
        this.shrink = shrink;
        thread = Thread.ofPlatform().daemon().name("bigllama-memory").start(this::run);
    }

    private void run() {
        try {
            while (true) {
                long now = stalled();
                Thread.sleep(now - stalled > STALL ? PRESSED_MILLIS : USUAL_MILLIS);
                stalled = now;
                look();
            }
        } catch (InterruptedException e) {
            // The watch was closed.
        }
    }

    private void look() {
        long now = AvailableRam.swappedBytes();
        long missing = shortage.getAsLong();
        long bytes = toGiveBack(missing, Math.max(0, now - swapped));
        if (bytes > 0) {
            shrink.accept(bytes);
        }
        expected = missing - bytes;
        swapped = now;
    }

    /**
     * Bytes to give back.
     *
     * @param missing bytes that are missing for the plan; negative if there is more
     * @param newlySwapped bytes of this process that were swapped out since the last look
     */
    long toGiveBack(long missing, long newlySwapped) {
        long least = RamBudget.RESERVE / 2;
        if (missing > least) {
            // Before, there may have been more than the plan needs.
            long taken = Math.clamp(missing - expected, 0, missing);
            return missing + AHEAD * taken;
        }
        return newlySwapped > 0 ? Math.max(least, 2 * newlySwapped) : 0;
    }

    /** Microseconds for which programs have waited for memory; 0 where the system does not say. */
    private static long stalled() {
        return stalled(SystemFile.text(PRESSURE)).orElse(0);
    }

    static OptionalLong stalled(String text) {
        Matcher matcher = STALLED.matcher(text);
        return matcher.find()
                ? OptionalLong.of(Long.parseLong(matcher.group(1)))
                : OptionalLong.empty();
    }

    @Override
    public void close() {
        thread.interrupt();
        boolean interrupted = false;
        while (thread.isAlive()) {
            try {
                thread.join();
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
