package io.github.bigllama.core.forecast;

import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnPages;
import io.github.bigllama.internal.pagecache.ParallelRead;
import io.github.bigllama.internal.pagecache.ParallelRead.Range;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;

/**
 * How fast a file that is not in RAM can be read, by the readers and in the pieces that weights are
 * read in. What is measured is not in RAM afterwards.
 */
public final class DiskSpeed {
    private static final long PIECE = 4 * MappedFile.HUGE_PAGE;

    /** The same slices each time, so that figures can be compared. */
    private static final long SEED = 1;

    private DiskSpeed() {}

    /**
     * In large pieces, as what every token uses is read.
     *
     * @param most bytes to read; less than the file has are spread over it
     * @param seconds when to stop
     * @return bytes per second
     * @throws IOException if it can't be read
     */
    public static double inOrder(Path path, long most, double seconds) throws IOException {
        try (ParallelRead read = new ParallelRead(path)) {
            read.expectAll();
            return measure(read, spread(read.size(), PIECE, most), seconds);
        }
    }

    /**
     * In slices at random places, as experts are read.
     *
     * @param slice bytes of one
     * @param most bytes to read
     * @param seconds when to stop
     * @return bytes per second
     * @throws IOException if it can't be read
     */
    public static double ofSlices(Path path, long slice, long most, double seconds)
            throws IOException {
        try (ParallelRead read = new ParallelRead(path)) {
            long page = OwnPages.pageSize();
            long whole = (slice + page - 1) / page * page;
            if (whole >= MappedFile.HUGE_PAGE) {
                read.expectAll();
            }
            List<Range> ranges = spread(read.size(), whole, most);
            Collections.shuffle(ranges, new Random(SEED));
            return measure(read, ranges, seconds);
        }
    }

    private static double measure(ParallelRead read, List<Range> ranges, double seconds)
            throws IOException {
        read.drop(ranges);
        long[] last = new long[1];
        long start = System.nanoTime();
        read.run(
                ranges,
                false,
                done -> {
                    last[0] = done;
                    return System.nanoTime() - start < seconds * 1e9;
                });
        return last[0] * 1e9 / (System.nanoTime() - start);
    }

    /** Ranges of a length, evenly over the file. */
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
