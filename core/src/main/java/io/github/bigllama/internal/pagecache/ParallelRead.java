package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.function.LongPredicate;

/** Reads ranges of a file that is not used for computing yet, with several threads. */
@SuppressWarnings("restricted")
public final class ParallelRead implements AutoCloseable {
    private static final int READERS = 4;

    private final Arena arena = Arena.ofShared();
    private final MappedFile file;
    private final long size;

    /** A part of the file, in bytes; it begins at a multiple of 4096. */
    public record Range(long offset, long length) {}

    /**
     * Maps a file.
     *
     * @throws IOException if it can't be opened, or the system does not support this
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

    /** Announces that ranges will be large, so that the system can use large pages. */
    public void expectAll() throws IOException {
        file.expect(0, size);
    }

    /** Drops ranges, unless other programs use them. */
    public void drop(List<Range> ranges) {
        ranges.forEach(range -> file.drop(range.offset, range.length));
    }

    /**
     * Reads ranges.
     *
     * @param keep whether the ranges are to stay in RAM
     * @param progress is given the number of bytes read so far, on this thread; returns false to
     *     end early
     * @return whether all ranges were read
     * @throws IOException if a range can't be read
     */
    public boolean run(List<Range> ranges, boolean keep, LongPredicate progress)
            throws IOException {
        return RangeReaders.run(
                READERS,
                ranges,
                (range, thread) -> {
                    file.read(range.offset, range.length);
                    if (!keep) {
                        file.drop(range.offset, range.length);
                    }
                },
                progress);
    }

    @Override
    public void close() {
        file.close();
        arena.close();
    }
}
