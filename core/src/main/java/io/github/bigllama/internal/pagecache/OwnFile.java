package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * A mapped file whose parts can be in the process's own memory. Offsets and lengths are in bytes of
 * the file, multiples of its unit. Thread-safe for parts that do not overlap.
 */
@SuppressWarnings("restricted")
public final class OwnFile implements AutoCloseable {
    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final OwnPages system;
    private final MappedFile mapped;
    private final Path path;
    private final long address;
    private final Copies copies;
    private final int fd;

    /**
     * Opens a file that is mapped, while nobody computes with it.
     *
     * @param mapped the file through the page cache
     * @param address the address of byte 0 of the file
     * @param mirrors files with the same bytes, to read from as well
     * @throws IOException if a file system can only read through the page cache
     */
    public OwnFile(OwnPages system, MappedFile mapped, long address, List<Path> mirrors)
            throws IOException {
        this.system = system;
        this.mapped = mapped;
        this.path = mapped.path();
        this.address = address;
        this.copies = new Copies(system, path, mirrors);
        this.fd = copies.original().descriptor();
        try {
            mapped.mapThrough(fd);
        } catch (IOException e) {
            copies.close();
            throw e;
        }
    }

    /**
     * Reads a part into a slot and maps the slot in the place of the part.
     *
     * @throws ReadException if it can't be read past the page cache
     * @throws MoveException if it can't be moved; the mapping shows the file then
     * @throws LostException if the mapping does not even show the file any more
     * @throws IOException if the file ends there
     */
    public void fill(long slot, long offset, long length) throws IOException {
        read(slot, offset, length, length);
        try {
            system.moveIn(slot, address + offset, length);
        } catch (IOException e) {
            restore(offset, length);
            throw new MoveException(e.getMessage());
        }
    }

    /**
     * Reads a part into a slot.
     *
     * @param least bytes that the file must have there
     * @throws ReadException if it can't be read past the page cache
     * @throws IOException if the file ends there
     */
    public void read(long slot, long offset, long length, long least) throws IOException {
        read(copies.begin(length), slot, offset, length, least);
    }

    private void read(Copies.Copy copy, long slot, long offset, long length, long least)
            throws IOException {
        try {
            readFrom(copy, slot, offset, length, least);
        } catch (IOException e) {
            if (copy == copies.original()) {
                throw e;
            }
            copies.fail(copy, e);
            readFrom(copies.begin(copies.original(), length), slot, offset, length, least);
        }
    }

    /** A read that the caller has the system do; {@link #end} must follow. */
    public static final class Begun {
        private final Copies.Copy copy;
        private final DirectRead read;

        private Begun(Copies.Copy copy, DirectRead read) {
            this.copy = copy;
            this.read = read;
        }

        /** What is to be read. */
        public DirectRead read() {
            return read;
        }
    }

    /** Chooses a copy to read a part from into a slot, which the caller does. */
    public Begun begin(long slot, long offset, long length) {
        Copies.Copy copy = copies.begin(length);
        return new Begun(copy, new DirectRead(copy.descriptor(), slot, length, offset));
    }

    /**
     * Ends a read; if it has failed, {@link #repeat} says why, or succeeds.
     *
     * @param count bytes that were read, or an error
     * @param least bytes that are needed
     * @return whether they have been read
     */
    public boolean end(Begun begun, long count, long least) {
        copies.end(begun.copy, begun.read.length(), count >= least);
        return count >= least;
    }

    /** As {@link #read}, for what has failed, and from the same copy first. */
    public void repeat(Begun begun, long least) throws IOException {
        DirectRead read = begun.read;
        Copies.Copy copy = copies.begin(begun.copy, read.length());
        read(copy, read.address(), read.offset(), read.length(), least);
    }

    private void readFrom(Copies.Copy copy, long slot, long offset, long length, long least)
            throws IOException {
        long done = 0;
        try {
            while (done < least) {
                long count =
                        system.read(copy.descriptor(), slot + done, length - done, offset + done);
                if (count == 0) {
                    throw new IOException(
                            String.format(
                                    Locale.ROOT,
                                    "%s ends at %d, in the middle of its weights: it was cut short",
                                    copy.path(),
                                    offset + done));
                } else if (count < 0) {
                    throw new ReadException(
                            String.format(
                                    Locale.ROOT,
                                    "cannot read %d bytes at %d of %s past the page cache: error %d",
                                    length - done,
                                    offset + done,
                                    copy.path(),
                                    -count));
                }
                done += count;
            }
        } finally {
            copies.end(copy, length, done >= least);
        }
    }

    private void restore(long offset, long length) throws LostException {
        try {
            system.restore(address + offset, length, mapped, fd, offset);
        } catch (IOException e) {
            throw lost(offset, length, e);
        }
        mapped.mappedAgain(offset, length);
    }

    private LostException lost(long offset, long length, IOException cause) {
        return new LostException(
                String.format(
                        Locale.ROOT,
                        "%d bytes at %d of %s are lost to this process; load the model again: %s",
                        length,
                        offset,
                        path,
                        cause.getMessage()));
    }

    /**
     * Maps the file again in the place of a slot, which can then be refilled.
     *
     * @throws MoveException if it can't be moved; the mapping shows the slot then
     * @throws LostException if the mapping shows neither any more
     */
    public void evict(long slot, long offset, long length) throws IOException {
        try {
            system.giveBack(address + offset, slot, length, fd, offset);
        } catch (LostException e) {
            throw lost(offset, length, e);
        } catch (IOException e) {
            throw new MoveException(e.getMessage());
        }
        mapped.mappedAgain(offset, length);
    }

    /** The system does not read a part past the page cache now; through it, it may. */
    public static final class ReadException extends IOException {
        private static final long serialVersionUID = 1;

        ReadException(String message) {
            super(message);
        }
    }

    /** A place of the mapping is another's: no computation can be right any more. */
    public static final class LostException extends IOException {
        private static final long serialVersionUID = 1;

        LostException(String message) {
            super(message);
        }
    }

    /** The system can read pages, but can't move them. */
    public static final class MoveException extends IOException {
        private static final long serialVersionUID = 1;

        MoveException(String message) {
            super(message);
        }
    }

    /**
     * Tests reading before anything is computed: whether a slot has the bytes of the file then.
     *
     * @param slot memory of that length for the test
     * @param least bytes that the file must have there
     * @throws IOException if the test fails, with the reason
     */
    public void checkReading(long slot, long offset, long length, long least) throws IOException {
        read(slot, offset, length, least);
        compare(expected(offset, least), slot, offset, "read");
    }

    private byte[] expected(long offset, long length) throws IOException {
        byte[] expected = new byte[Math.toIntExact(length)];
        try (FileChannel channel = FileChannel.open(path)) {
            ByteBuffer buffer = ByteBuffer.wrap(expected);
            while (buffer.hasRemaining() && channel.read(buffer, offset + buffer.position()) >= 0) {
                // Repeats short reads until the slot is full.
            }
        }
        return expected;
    }

    /**
     * Tests both moves before anything is computed: whether the place has the bytes of the file
     * after filling, and again after evicting.
     *
     * @param slot memory of that length for the test
     * @throws IOException if the test fails, with the reason
     */
    public void checkMoving(long slot, long offset, long length) throws IOException {
        byte[] expected = expected(offset, length);
        for (int round = 0; round < 2; round++) {
            fill(slot, offset, length);
            compare(expected, address + offset, offset, "filled in");
            evict(slot, offset, length);
            compare(expected, address + offset, offset, "evicted");
        }
        // Bytes written into the slot must not appear in the place of the file.
        byte before = MEMORY.get(ValueLayout.JAVA_BYTE, address + offset);
        MEMORY.set(ValueLayout.JAVA_BYTE, slot, (byte) ~before);
        if (MEMORY.get(ValueLayout.JAVA_BYTE, address + offset) != before) {
            throw new IOException("after an eviction the place still maps the slot");
        }
    }

    private void compare(byte[] expected, long at, long offset, String what) throws IOException {
        MemorySegment here = MemorySegment.ofAddress(at).reinterpret(expected.length);
        long wrong = here.mismatch(MemorySegment.ofArray(expected));
        if (wrong >= 0) {
            throw new IOException(
                    String.format(
                            Locale.ROOT,
                            "%s, byte %d of %s differs from the file",
                            what,
                            offset + wrong,
                            path));
        }
    }

    /** The file. */
    public Path path() {
        return path;
    }

    /** Bytes read from mirrors so far. */
    public long mirrorBytes() {
        return copies.mirrorBytes();
    }

    @Override
    public void close() {
        copies.close();
    }
}
