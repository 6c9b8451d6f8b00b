package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file and copies of it on other disks; each read is of the one that is expected to have it
 * first, by how fast they have been so far. Thread-safe.
 */
final class Copies implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(Copies.class.getName());

    /** What is believed before it is measured, in bytes per second. */
    private static final double USUAL = 1e9;

    /** Bytes after which older measurements count half. */
    private static final long MEMORY = 64L << 20;

    /** Reads after which one that has been too slow is tried again. */
    private static final long PATIENCE = 64;

    private final List<Copy> copies = new ArrayList<>();
    private long reads;

    /** One of them. */
    static final class Copy {
        private final Path path;
        private final int descriptor;
        private long inFlight;
        private long busySince;
        private double measuredBytes;
        private double measuredSeconds;
        private long lastRead;
        private long bytesRead;
        private boolean failed;

        private Copy(Path path, int descriptor) {
            this.path = path;
            this.descriptor = descriptor;
        }

        Path path() {
            return path;
        }

        int descriptor() {
            return descriptor;
        }

        private double bytesPerSecond() {
            return measuredSeconds > 0 ? measuredBytes / measuredSeconds : USUAL;
        }

        private void measure(long now) {
            if (inFlight > 0) {
                measuredSeconds += (now - busySince) / 1e9;
            }
            busySince = now;
        }
    }

    /**
     * Opens them.
     *
     * @param others files with the same bytes
     * @throws IOException if one can't be read past the page cache
     */
    Copies(OwnPages system, Path file, List<Path> others) throws IOException {
        try {
            copies.add(new Copy(file, system.open(file)));
            for (Path other : others) {
                copies.add(new Copy(other, system.open(other)));
            }
        } catch (IOException e) {
            close();
            throw e;
        }
    }

    /** The file itself. */
    Copy original() {
        return copies.getFirst();
    }

    /** Where to read so many bytes; {@link #end} comes after it. */
    synchronized Copy begin(long length) {
        reads++;
        Copy best = null;
        for (Copy copy : copies) {
            if (copy.failed) {
                continue;
            }
            if (reads - copy.lastRead > PATIENCE * copies.size()) {
                return begin(copy, length);
            }
            if (best == null || seconds(copy, length) < seconds(best, length)) {
                best = copy;
            }
        }
        return begin(best, length);
    }

    private static double seconds(Copy copy, long length) {
        return (copy.inFlight + length) / copy.bytesPerSecond();
    }

    /** As {@link #begin(long)}, of one of them. */
    synchronized Copy begin(Copy copy, long length) {
        copy.measure(System.nanoTime());
        copy.inFlight += length;
        copy.lastRead = reads;
        return copy;
    }

    /** It has been read, or not. */
    synchronized void end(Copy copy, long length, boolean wasRead) {
        copy.measure(System.nanoTime());
        copy.inFlight -= length;
        if (wasRead) {
            copy.bytesRead += length;
            copy.measuredBytes += length;
            if (copy.measuredBytes > MEMORY) {
                copy.measuredBytes /= 2;
                copy.measuredSeconds /= 2;
            }
        }
    }

    /** A copy can't be read any more; the others still are. */
    synchronized void fail(Copy copy, IOException reason) {
        if (!copy.failed) {
            copy.failed = true;
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "the mirror {0} is not used any more: {1}",
                    copy.path,
                    reason.getMessage());
        }
    }

    @Override
    public synchronized void close() {
        for (Copy copy : copies) {
            PosixMemory.close(copy.descriptor);
            if (copies.size() > 1) {
                LOGGER.log(
                        System.Logger.Level.DEBUG,
                        "{0} bytes read from {1}",
                        copy.bytesRead,
                        copy.path);
            }
        }
        copies.clear();
    }
}
