package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A file that llama.cpp has mapped into memory, and what the operating system can do with its
 * pages. Everything foreign about residency is in the implementations, one an operating system.
 * Offsets and lengths are in bytes of the file; offsets are multiples of {@link #pageSize}.
 * Thread-safe.
 */
public abstract class MappedFile implements AutoCloseable {
    /** Bytes of a huge page. */
    public static final long HUGE_PAGE = 2 << 20;

    private final Path path;

    public MappedFile(Path path) {
        this.path = path;
    }

    /**
     * Takes over the pages of a mapping.
     *
     * @param address where byte 0 of the file is, or would be
     * @param probe an offset that is mapped
     * @throws IOException if there is no such mapping, or it is not of this file
     */
    public static MappedFile of(Path path, long address, long probe) throws IOException {
        NativeAccess.require();
        return switch (System.getProperty("os.name")) {
            case "Linux" -> new LinuxMappedFile(path, address, probe);
            case "Mac OS X" -> new MacMappedFile(path, address);
            case String system ->
                    throw new IOException(
                            "on %s it is not known how to choose what stays in RAM"
                                    .formatted(system));
        };
    }

    public Path path() {
        return path;
    }

    /** Says that a range, pieces of the file, will be read and dropped by {@link #read}. */
    public abstract void expect(long offset, long length) throws IOException;

    /**
     * Brings a range into memory and returns when it is there. A large range of whole pieces comes
     * in huge pages where the system can do that; of a small one no byte more than asked for is
     * read.
     *
     * @throws IOException if it can't be read; it says why
     */
    public abstract void read(long offset, long length) throws IOException;

    /** Lets a range go: its memory is free afterwards, as far as no one else uses it. */
    public abstract void drop(long offset, long length);

    /**
     * Whether the pages of a range are in memory, a page of {@link #pageSize()} an element.
     *
     * @throws IOException if the system does not say
     */
    public abstract boolean[] resident(long offset, long length) throws IOException;

    /**
     * Maps the file again where it is mapped, through another descriptor: what is mapped through
     * that one later, in place of something else, is one mapping with its neighbours then. Where
     * mappings are not counted nothing is done.
     *
     * @throws IOException if the system refuses; then the mapping is as it was
     */
    void mapThrough(int descriptor) throws IOException {}

    /** A part has been mapped again, and is to be like its neighbours. */
    void mappedAgain(long offset, long length) {}

    /** Bytes of a page. */
    public abstract long pageSize();

    /** The size of the file now. */
    public abstract long size() throws IOException;

    /** Lets go of the file; the mapping is llama.cpp's and stays. */
    @Override
    public abstract void close();
}
