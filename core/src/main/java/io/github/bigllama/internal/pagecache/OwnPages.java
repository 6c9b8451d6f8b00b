package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Weights in memory of our own: read past the page cache into slots, and moved from there to the
 * place in llama.cpp's mapping of the file where they belong. What is not moved in is still the
 * file, so that touching it too early costs a page fault and is never wrong.
 *
 * <p>Three calls are all that differs between operating systems: {@link #open}, {@link #moveIn} and
 * {@link #giveBack}. Addresses, lengths and offsets are multiples of {@link #pageSize()}.
 * Thread-safe, as long as nobody uses a place or a slot that another thread moves.
 */
public abstract class OwnPages {
    /** A block of a disk is no larger; if it is, the page cache is used. */
    private static final long LARGEST_BLOCK = 64 << 10;

    /** What this operating system has. */
    public static OwnPages ofThisSystem() throws IOException {
        NativeAccess.require();
        return switch (System.getProperty("os.name")) {
            case "Linux" -> new LinuxOwnPages();
            case "Mac OS X" -> new MacOwnPages();
            case String system ->
                    throw new IOException("on %s nothing moves pages".formatted(system));
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
     * @throws IOException if that can't be had of this file system
     */
    abstract int open(Path path) throws IOException;

    /**
     * Has a place show the memory of a slot instead of the file. The slot's address stays reserved
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
                    "cannot map %d bytes of a file at %#x again: error %d"
                            .formatted(length, place, error));
        }
    }

    /**
     * Has a place show the file again, and the memory be that of the slot as before. Nobody may
     * touch the place meanwhile.
     *
     * @param file the descriptor of the file
     * @param offset where in the file the place belongs
     * @throws IOException if the system refuses
     */
    abstract void giveBack(long place, long slot, long length, int file, long offset)
            throws IOException;

    /** Memory that is likely to be in one piece for the disk; returns whether it is. */
    boolean prepare(long address, long length) {
        return false;
    }

    /** How many slots may be moved in at a time; the rest is for everyone else. */
    public int mostMoved() {
        return Integer.MAX_VALUE;
    }

    /** Reads into memory; returns bytes, 0 at the end of the file, or -errno. */
    long read(int file, long address, long length, long offset) {
        return PosixMemory.read(file, address, length, offset);
    }

    /**
     * What offsets and lengths of reads must be multiples of: found by trying, because nothing else
     * is right for every file system.
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
                // An odd multiple: it is one of nothing larger.
                error = read(file, aligned, unit, unit);
                if (error >= 0) {
                    return unit;
                }
            }
            throw new IOException(
                    "%s can't be read past the page cache: error %d".formatted(path, -error));
        } finally {
            PosixMemory.unmap(buffer, 2 * LARGEST_BLOCK);
            PosixMemory.close(file);
        }
    }
}
