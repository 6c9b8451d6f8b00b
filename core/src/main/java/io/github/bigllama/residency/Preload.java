package io.github.bigllama.residency;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.DoublePredicate;
import java.util.function.LongPredicate;

/**
 * Brings a model that fits into the page cache, before llama.cpp maps it: several readers in large
 * pieces, where a single thread would take one page fault after the other. What is there already is
 * not read.
 */
@SuppressWarnings("restricted")
public final class Preload {
    private static final int READERS = 4;
    private static final long PIECE = 4 * PieceMap.CUT;

    /** A smaller file is there before the readers are. */
    private static final long SMALL = 8 * PIECE;

    private static final long REPORT_MILLIS = 50;

    private Preload() {}

    /** What the readers share. */
    private static final class Work {
        private final MappedFile file;
        private final long size;
        private final boolean keep;
        private final AtomicLong next = new AtomicLong();
        private final AtomicLong done = new AtomicLong();
        private final AtomicBoolean stopped = new AtomicBoolean();
        private final CountDownLatch ended = new CountDownLatch(READERS);

        Work(MappedFile file, long size, boolean keep) {
            this.file = file;
            this.size = size;
            this.keep = keep;
        }

        void read() {
            try {
                for (long at = next.getAndAdd(PIECE);
                        at < size && !stopped.get();
                        at = next.getAndAdd(PIECE)) {
                    long length = Math.min(PIECE, size - at);
                    file.read(at, length);
                    if (!keep) {
                        file.drop(at, length);
                    }
                    done.addAndGet(length);
                }
            } catch (IOException e) {
                // Only the speed is lost: llama.cpp reads it, and says what is wrong with it.
                stopped.set(true);
            } finally {
                ended.countDown();
            }
        }
    }

    /**
     * Brings files in.
     *
     * @param progress is told the fraction that is there, from this thread; returns false to cancel
     * @return whether it was not cancelled
     */
    public static boolean run(List<Path> files, DoublePredicate progress) {
        long total = 0;
        List<Long> sizes = new ArrayList<>();
        try {
            for (Path file : files) {
                sizes.add(Files.size(file));
                total += sizes.getLast();
            }
            long before = 0;
            for (int i = 0; i < files.size(); i++) {
                if (sizes.get(i) >= SMALL
                        && !run(files.get(i), sizes.get(i), true, sum(before, total, progress))) {
                    return false;
                }
                before += sizes.get(i);
            }
        } catch (IOException e) {
            return true;
        }
        return true;
    }

    /**
     * How fast a file that is not in RAM can be read, in bytes a second: it is read as weights are,
     * and is not in RAM afterwards.
     *
     * @throws IOException if it can't be read
     */
    public static double speed(Path path) throws IOException {
        long size = Files.size(path);
        long start = System.nanoTime();
        run(path, size, false, done -> true);
        return size * 1e9 / (System.nanoTime() - start);
    }

    private static LongPredicate sum(long before, long total, DoublePredicate progress) {
        return done -> progress.test((double) (before + done) / total);
    }

    private static boolean run(Path path, long size, boolean keep, LongPredicate progress)
            throws IOException {
        try (Arena arena = Arena.ofShared();
                FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            MemorySegment mapping = channel.map(MapMode.READ_ONLY, 0, size, arena);
            try (MappedFile file = MappedFile.of(path, mapping.address(), 0)) {
                file.expect(0, size);
                Work work = new Work(file, size, keep);
                for (int i = 0; i < READERS; i++) {
                    Thread.ofPlatform().daemon().name("bigllama-preload-" + i).start(work::read);
                }
                boolean goesOn = true;
                while (!await(work.ended)) {
                    goesOn &= progress.test(work.done.get());
                    work.stopped.compareAndSet(false, !goesOn);
                }
                return goesOn;
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
