package io.github.bigllama.internal.pagecache;

import io.github.bigllama.internal.pagecache.ParallelRead.Range;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.DoublePredicate;

/**
 * Brings a model that fits into the page cache, before llama.cpp maps it: several readers in large
 * pieces, where a single thread would take one page fault after the other. What is there already is
 * not read.
 */
public final class Preload {
    private static final long PIECE = 4 * MappedFile.HUGE_PAGE;

    /** A smaller file is there before the readers are. */
    private static final long SMALL = 8 * PIECE;

    private Preload() {}

    /**
     * Brings files in.
     *
     * @param progress is told the fraction that is there, from this thread; returns false to cancel
     * @return whether it was not cancelled
     */
    public static boolean run(List<Path> files, DoublePredicate progress) {
        try {
            long total = 0;
            for (Path file : files) {
                total += Files.size(file);
            }
            long before = 0;
            for (Path file : files) {
                long size = Files.size(file);
                if (size >= SMALL && !run(file, size, before, total, progress)) {
                    return false;
                }
                before += size;
            }
        } catch (IOException e) {
            // Only the speed is lost: llama.cpp reads it, and says what is wrong with it.
            return true;
        }
        return true;
    }

    private static boolean run(
            Path file, long size, long before, long total, DoublePredicate progress)
            throws IOException {
        try (ParallelRead read = new ParallelRead(file)) {
            read.expectAll();
            return read.run(
                    pieces(size), true, done -> progress.test((double) (before + done) / total));
        }
    }

    private static List<Range> pieces(long size) {
        List<Range> pieces = new ArrayList<>();
        for (long at = 0; at < size; at += PIECE) {
            pieces.add(new Range(at, Math.min(PIECE, size - at)));
        }
        return pieces;
    }
}
