package io.github.bigllama.core.forecast;

import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnPages;
import io.github.bigllama.internal.pagecache.ParallelDirectRead;
import io.github.bigllama.internal.pagecache.ParallelRead;
import io.github.bigllama.internal.pagecache.ParallelRead.Range;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.function.LongPredicate;
import java.util.stream.IntStream;

/**
 * How fast a file that is not in RAM can be read, with several threads and in the same pieces as
 * weights are read. The parts that were read are not in RAM afterwards.
 */
public final class DiskSpeed {
    private static final long PIECE = 4 * MappedFile.HUGE_PAGE;

    /** The same slices each time, so that measurements can be compared. */
    private static final long SEED = 1;

    private DiskSpeed() {}

    /**
     * Reads large pieces, as weights that every token uses are read.
     *
     * @param most the most bytes to read; if the file is larger, they are spread over it
     * @param seconds time after which to stop
     * @return bytes per second
     * @throws IOException if the file can't be read
     */
    public static double inOrder(Path path, long most, double seconds) throws IOException {
        try (ParallelRead read = new ParallelRead(path)) {
            read.expectAll();
            return measure(read, spread(read.size(), PIECE, most), seconds);
        }
    }

    /**
     * Reads slices at random places, as experts are read: past the page cache, or into it if that
     * is faster.
     *
     * @param slice bytes per slice
     * @param most the most bytes to read
     * @param seconds time after which to stop
     * @return bytes per second
     * @throws IOException if the file can't be read
     */
    public static double ofSlices(Path path, long slice, long most, double seconds)
            throws IOException {
        return Math.max(
                throughPageCache(path, slice, most, seconds),
                pastPageCache(path, slice, most, seconds));
    }

    private static double throughPageCache(Path path, long slice, long most, double seconds)
            throws IOException {
        try (ParallelRead read = new ParallelRead(path)) {
            long page = OwnPages.pageSize();
            long whole = (slice + page - 1) / page * page;
            if (whole >= MappedFile.HUGE_PAGE) {
                read.expectAll();
            }
            return measure(read, scattered(read.size(), whole, most, 0), seconds);
        }
    }

    /** 0 where files can't be read past the page cache. */
    private static double pastPageCache(Path path, long slice, long most, double seconds) {
        try (ParallelDirectRead read = new ParallelDirectRead(path)) {
            List<Range> ranges = scattered(Files.size(path), slice, most, 1);
            return measure(progress -> read.run(ranges, progress), seconds);
        } catch (IOException e) {
            return 0;
        }
    }

    private static double measure(ParallelRead read, List<Range> ranges, double seconds)
            throws IOException {
        read.drop(ranges);
        return measure(progress -> read.run(ranges, false, progress), seconds);
    }

    private interface Reading {
        void run(LongPredicate progress) throws IOException;
    }

    private static double measure(Reading reading, double seconds) throws IOException {
        long[] last = new long[1];
        long start = System.nanoTime();
        reading.run(
                done -> {
                    last[0] = done;
                    return System.nanoTime() - start < seconds * 1e9;
                });
        return last[0] * 1e9 / (System.nanoTime() - start);
    }

    /**
     * Ranges of one length, spread evenly over the file, in a random order.
     *
     * @param half 0 or 1: they have different ranges, which no cache outside of this system knows
     *     from the other half
     */
    private static List<Range> scattered(long size, long length, long most, int half) {
        List<Range> all = spread(size, length, 2 * most);
        List<Range> ranges =
                new ArrayList<>(
                        IntStream.range(0, all.size())
                                .filter(i -> i % 2 == half || all.size() == 1)
                                .mapToObj(all::get)
                                .toList());
        Collections.shuffle(ranges, new Random(SEED));
        return ranges;
    }

    /** Ranges of one length, spread evenly over the file. */
    private static List<Range> spread(long size, long length, long most) {
        long unit = length >= MappedFile.HUGE_PAGE ? MappedFile.HUGE_PAGE : OwnPages.pageSize();
        long count = Math.max(1, Math.min(size, most) / length);
        List<Range> ranges = new ArrayList<>();
        for (long i = 0; i < count; i++) {
            long offset = (long) ((double) i / count * size) / unit * unit;
            long next = (long) ((double) (i + 1) / count * size) / unit * unit;
            long end = Math.min(offset + length, i + 1 < count ? next : size);
            ranges.add(new Range(offset, end - offset));
        }
        return ranges;
    }
}
