package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A file and its copies on other disks; each read uses the one that is expected to finish first, by
 * their speeds so far. Thread-safe.
 */
final class Copies implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(Copies.class.getName());

    /** The assumed speed before it is measured, in bytes per second. */
    private static final double USUAL = 1e9;

    /** Number of bytes after which older measurements count half. */
    private static final long MEMORY = 64L << 20;

    /** Number of reads after which a copy that was too slow is tried again. */
    private static final long PATIENCE = 64;

    private final List<Copy> copies = new ArrayList<>();
    private long reads;

    /** The file or one of its copies. */
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
     * Opens the file and its copies.
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

    /** Chooses a copy for a read of some bytes, to be followed by {@link #end}. */
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

    /** As {@link #begin(long)}, for a given copy. */
    synchronized Copy begin(Copy copy, long length) {
        copy.measure(System.nanoTime());
        copy.inFlight += length;
        copy.lastRead = reads;
        return copy;
    }

    /** Ends a read, which may have failed. */
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

    /** Stops using a copy that can't be read any more. */
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

    /** Bytes read from copies so far. */
    synchronized long mirrorBytes() {
        return copies.stream().skip(1).mapToLong(copy -> copy.bytesRead).sum();
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
