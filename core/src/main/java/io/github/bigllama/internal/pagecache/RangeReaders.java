package io.github.bigllama.internal.pagecache;

import io.github.bigllama.internal.pagecache.ParallelRead.Range;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongPredicate;

/** Several threads that read ranges of a file: each takes the next one that none has begun. */
final class RangeReaders {
    private static final long REPORT_MILLIS = 50;

    private final List<Range> ranges;
    private final Reading reading;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicLong done = new AtomicLong();
    private final AtomicBoolean stopped = new AtomicBoolean();
    private final CountDownLatch ended;
    private volatile IOException failure;

    /** What a thread does with a range. */
    interface Reading {
        /**
         * Reads.
         *
         * @param thread the number of the thread, from 0 on
         */
        void read(Range range, int thread) throws IOException;
    }

    private RangeReaders(int threads, List<Range> ranges, Reading reading) {
        this.ranges = ranges;
        this.reading = reading;
        this.ended = new CountDownLatch(threads);
    }

    /**
     * Reads ranges; returns when no thread is reading any more.
     *
     * @param progress is given the number of bytes read so far, on this thread; returns false to
     *     end early
     * @return whether all ranges were read
     * @throws IOException if a range can't be read
     */
    static boolean run(int threads, List<Range> ranges, Reading reading, LongPredicate progress)
            throws IOException {
        RangeReaders readers = new RangeReaders(threads, ranges, reading);
        for (int i = 0; i < threads; i++) {
            int thread = i;
            Thread.ofPlatform()
                    .daemon()
                    .name("bigllama-read-" + i)
                    .start(() -> readers.read(thread));
        }
        boolean goesOn = true;
        while (!readers.await()) {
            goesOn &= progress.test(readers.done.get());
            readers.stopped.compareAndSet(false, !goesOn);
        }
        progress.test(readers.done.get());
        if (readers.failure != null) {
            throw readers.failure;
        }
        return goesOn;
    }

    private void read(int thread) {
        try {
            for (int i = next.getAndIncrement();
                    i < ranges.size() && !stopped.get();
                    i = next.getAndIncrement()) {
                reading.read(ranges.get(i), thread);
                done.addAndGet(ranges.get(i).length());
            }
        } catch (IOException e) {
            failure = e;
            stopped.set(true);
        } finally {
            ended.countDown();
        }
    }

    /** Waits for a moment; returns whether all threads have ended. */
    private boolean await() {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return ended.await(REPORT_MILLIS, TimeUnit.MILLISECONDS);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
