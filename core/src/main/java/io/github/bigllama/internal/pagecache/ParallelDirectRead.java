package io.github.bigllama.internal.pagecache;

import io.github.bigllama.internal.pagecache.ParallelRead.Range;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.function.LongPredicate;

/**
 * Reads ranges of a file past the page cache, with several threads, as experts are read; what was
 * read is not kept.
 */
public final class ParallelDirectRead implements AutoCloseable {
    /** As many threads as read experts where there are no batches. */
    private static final int READERS = 8;

    private final Path path;
    private final OwnPages system;
    private final long unit;
    private final int file;

    /**
     * Opens a file.
     *
     * @throws IOException if it can't be read past the page cache
     */
    public ParallelDirectRead(Path path) throws IOException {
        this.path = path;
        system = OwnPages.ofThisSystem();
        unit = system.unit(path);
        file = system.open(path);
    }

    /**
     * Reads ranges of the file.
     *
     * @param progress is given the number of bytes read so far, on this thread; returns false to
     *     end early
     * @throws IOException if a range can't be read
     */
    public void run(List<Range> ranges, LongPredicate progress) throws IOException {
        long longest = ranges.stream().mapToLong(Range::length).max().orElse(0);
        // A range may begin and end within a unit.
        long slot = (longest + 2 * unit + SlabMemory.HUGE - 1) / SlabMemory.HUGE * SlabMemory.HUGE;
        try (SlabMemory.Range memory = new SlabMemory(system).reserve(READERS * slot)) {
            memory.take(0, READERS * slot);
            RangeReaders.run(
                    READERS,
                    ranges,
                    (range, thread) -> read(range, memory.address() + thread * slot),
                    progress);
        }
    }

    private void read(Range range, long address) throws IOException {
        long offset = range.offset() / unit * unit;
        long end = (range.offset() + range.length() + unit - 1) / unit * unit;
        long count = system.read(file, address, end - offset, offset);
        if (count < range.offset() + range.length() - offset) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot read %d bytes at %d of %s past the page cache: %s",
                            end - offset,
                            offset,
                            path,
                            count < 0 ? "error " + -count : "only " + count + " are there"));
        }
    }

    @Override
    public void close() {
        PosixMemory.close(file);
    }
}
