package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/**
 * A file that llama.cpp has mapped into memory, and the operating system's operations on its pages.
 * Calls of the system are only in the implementations, one per operating system. Offsets and
 * lengths are in bytes of the file; offsets are multiples of {@link #pageSize}. Thread-safe.
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
     * @param address the address of byte 0 of the file, which may be unmapped
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

    /**
     * Where this process has mapped a file: the addresses of its byte 0, one for each mapping; none
     * if it is not mapped, or the system does not say.
     */
    public static List<Long> places(Path path) {
        if (!System.getProperty("os.name").equals("Linux")) {
            return List.of();
        }
        try {
            return LinuxMappedFile.addresses(path);
        } catch (IOException e) {
            return List.of();
        }
    }

    public Path path() {
        return path;
    }

    /** Announces that a range of whole pieces will be brought in by {@link #read}, and dropped. */
    public abstract void expect(long offset, long length) throws IOException;

    /**
     * Brings a range into memory and returns when it is there. A large range of whole pieces is
     * read into huge pages if the system can do that; of a small one not a byte more is read than
     * asked for.
     *
     * @throws IOException if it can't be read, with the reason
     */
    public abstract void read(long offset, long length) throws IOException;

    /** Drops a range: its memory is free afterwards, unless another process uses it. */
    public abstract void drop(long offset, long length);

    /**
     * Whether the pages of a range are in memory, one element per page of {@link #pageSize()}.
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

    /** Closes the file; the mapping belongs to llama.cpp and stays. */
    @Override
    public abstract void close();
}
