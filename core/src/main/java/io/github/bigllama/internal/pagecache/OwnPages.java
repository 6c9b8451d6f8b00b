package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/**
 * Keeps weights in the process's own memory: they are read past the page cache into slots, and can
 * be moved from there to their place in llama.cpp's mapping of the file. Places without a slot
 * still map the file, so that touching them too early causes a page fault and never wrong data.
 *
 * <p>Only three calls must differ between operating systems: {@link #open}, {@link #moveIn} and
 * {@link #giveBack}. Addresses, lengths and offsets are multiples of {@link #pageSize()}.
 * Thread-safe, as long as nobody uses a place or a slot that another thread moves.
 */
public abstract class OwnPages {
    /** The largest block size of a disk; with larger blocks the page cache is used. */
    private static final long LARGEST_BLOCK = 64 << 10;

    /** The implementation for this operating system. */
    public static OwnPages ofThisSystem() throws IOException {
        NativeAccess.require();
        return switch (System.getProperty("os.name")) {
            case "Linux" -> new LinuxOwnPages();
            case "Mac OS X" -> new MacOwnPages();
            case String system ->
                    throw new IOException("moving pages is not supported on %s".formatted(system));
        };
    }

    /** Bytes of a page. */
    public static long pageSize() {
        NativeAccess.require();
        return PosixMemory.pageSize();
    }

    /**
     * Opens a file so that reading it does not fill the page cache.
     *
     * @return a file descriptor
     * @throws IOException if the file system does not support that
     */
    abstract int open(Path path) throws IOException;

    /**
     * Maps the memory of a slot in a place, instead of the file. The slot's address stays reserved
     * and must not be touched until the memory is given back.
     *
     * @throws IOException if the system refuses; then the place may hold nothing, until {@link
     *     #restore}
     */
    abstract void moveIn(long slot, long place, long length) throws IOException;

    /**
     * Has a place show the file again after the system has refused to move something there.
     *
     * @throws IOException if it can't be had: nobody may compute with the place any more
     */
    void restore(long place, long length, MappedFile file, int descriptor, long offset)
            throws IOException {
        int error = PosixMemory.mapFile(place, length, descriptor, offset);
        if (error != 0) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "cannot map %d bytes of a file at %#x again: error %d",
                            length,
                            place,
                            error));
        }
    }

    /**
     * Maps the file in a place again, and gives its memory back to the slot. The place must not be
     * touched meanwhile.
     *
     * @param file the descriptor of the file
     * @param offset the offset of the place in the file
     * @throws IOException if the system refuses
     */
    abstract void giveBack(long place, long slot, long length, int file, long offset)
            throws IOException;

    /**
     * Asks for memory that is physically contiguous, for reads from disk; returns whether it is.
     */
    boolean prepare(long address, long length) {
        return false;
    }

    /**
     * The most slots that may be moved in at the same time, so that enough mappings remain for
     * other code.
     */
    public int mostMoved() {
        return Integer.MAX_VALUE;
    }

    /** What hands several reads to the system at once; null if it takes one at a time. */
    public ReadBatch openBatch() {
        return null;
    }

    /** Reads into memory; returns bytes, 0 at the end of the file, or -errno. */
    long read(int file, long address, long length, long offset) {
        return PosixMemory.read(file, address, length, offset);
    }

    /**
     * The unit of which offsets and lengths of reads must be multiples: found by trying, the only
     * way that works for every file system.
     *
     * @return a multiple of the page size
     * @throws IOException if the file can't be read past the page cache
     */
    public long unit(Path path) throws IOException {
        int file = open(path);
        long buffer = PosixMemory.reserve(2 * LARGEST_BLOCK);
        try {
            long aligned = (buffer + LARGEST_BLOCK - 1) / LARGEST_BLOCK * LARGEST_BLOCK;
            long error = 0;
            for (long unit = pageSize(); unit <= LARGEST_BLOCK; unit *= 2) {
                // An odd multiple, which is not a multiple of any larger power of two.
                error = read(file, aligned, unit, unit);
                if (error >= 0) {
                    return unit;
                }
            }
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "%s can't be read past the page cache: error %d",
                            path,
                            -error));
        } finally {
            PosixMemory.unmap(buffer, 2 * LARGEST_BLOCK);
            PosixMemory.close(file);
        }
    }
}
