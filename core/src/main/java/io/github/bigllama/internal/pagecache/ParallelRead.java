package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongPredicate;

/** Reads ranges of a file that nobody computes with yet, by several threads. */
@SuppressWarnings("restricted")
public final class ParallelRead implements AutoCloseable {
    private static final int READERS = 4;
    private static final long REPORT_MILLIS = 50;

    private final Arena arena = Arena.ofShared();
    private final MappedFile file;
    private final long size;

    /** A part of the file, in bytes; it begins at a multiple of 4096. */
    public record Range(long offset, long length) {}

    /**
     * Maps a file.
     *
     * @throws IOException if it can't be opened, or the system does not do what is needed
     */
    public ParallelRead(Path path) throws IOException {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            size = channel.size();
            MemorySegment mapping = channel.map(MapMode.READ_ONLY, 0, size, arena);
            file = MappedFile.of(path, mapping.address(), 0);
        } catch (IOException | RuntimeException e) {
            arena.close();
            throw e;
        }
    }

    /** The size of the file when it was opened. */
    public long size() {
        return size;
    }

    /** Ranges will be large: large pages will do. */
    public void expectAll() throws IOException {
        file.expect(0, size);
    }

    /** Lets ranges go, as far as no one else uses them. */
    public void drop(List<Range> ranges) {
        ranges.forEach(range -> file.drop(range.offset, range.length));
    }

    /**
     * Reads.
     *
     * @param keep whether what was read is to stay in RAM
     * @param progress is told the bytes that have been read, from this thread; returns false to end
     *     early
     * @return whether it was not ended early
     * @throws IOException if something can't be read
     */
    public boolean run(List<Range> ranges, boolean keep, LongPredicate progress)
            throws IOException {
        Work work = new Work(file, ranges, keep);
        for (int i = 0; i < READERS; i++) {
            Thread.ofPlatform().daemon().name("bigllama-read-" + i).start(work::read);
        }
        boolean goesOn = true;
        while (!await(work.ended)) {
            goesOn &= progress.test(work.done.get());
            work.stopped.compareAndSet(false, !goesOn);
        }
        progress.test(work.done.get());
        if (work.failure != null) {
            throw work.failure;
        }
        return goesOn;
    }

    @Override
    public void close() {
        file.close();
        arena.close();
    }

    /** What the readers share. */
    private static final class Work {
        private final MappedFile file;
        private final List<Range> ranges;
        private final boolean keep;
        private final AtomicInteger next = new AtomicInteger();
        private final AtomicLong done = new AtomicLong();
        private final AtomicBoolean stopped = new AtomicBoolean();
        private final CountDownLatch ended = new CountDownLatch(READERS);
        private volatile IOException failure;

        Work(MappedFile file, List<Range> ranges, boolean keep) {
            this.file = file;
            this.ranges = ranges;
            this.keep = keep;
        }

        void read() {
            try {
                for (int i = next.getAndIncrement();
                        i < ranges.size() && !stopped.get();
                        i = next.getAndIncrement()) {
                    Range range = ranges.get(i);
                    file.read(range.offset, range.length);
                    if (!keep) {
                        file.drop(range.offset, range.length);
                    }
                    done.addAndGet(range.length);
                }
            } catch (IOException e) {
                failure = e;
                stopped.set(true);
            } finally {
                ended.countDown();
            }
        }
    }

    private static boolean await(CountDownLatch ended) {
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
