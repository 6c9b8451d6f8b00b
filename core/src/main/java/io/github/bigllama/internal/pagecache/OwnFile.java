package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A mapped file whose parts can be in memory of our own. Offsets and lengths are in bytes of the
 * file, multiples of its unit. Thread-safe for parts that do not overlap.
 */
@SuppressWarnings("restricted")
public final class OwnFile implements AutoCloseable {
    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final OwnPages system;
    private final MappedFile mapped;
    private final Path path;
    private final long address;
    private final int fd;

    /**
     * Opens a file that is mapped, while nobody computes with it.
     *
     * @param mapped the file through the page cache
     * @param address where its byte 0 is
     * @throws IOException if its file system only reads through the page cache
     */
    public OwnFile(OwnPages system, MappedFile mapped, long address) throws IOException {
        this.system = system;
        this.mapped = mapped;
        this.path = mapped.path();
        this.address = address;
        this.fd = system.open(path);
        try {
            mapped.mapThrough(fd);
        } catch (IOException e) {
            PosixMemory.close(fd);
            throw e;
        }
    }

    /**
     * Reads a part into a slot and has the mapping show it.
     *
     * @throws ReadException if it can't be read past the page cache
     * @throws MoveException if it can't be moved; the mapping shows the file then
     * @throws LostException if the mapping does not even show the file any more
     * @throws IOException if the file ends there
     */
    public void fill(long slot, long offset, long length) throws IOException {
        for (long done = 0; done < length; ) {
            long count = system.read(fd, slot + done, length - done, offset + done);
            if (count == 0) {
                throw new IOException(
                        "%s ends at %d, in the middle of its weights: it was cut short"
                                .formatted(path, offset + done));
            } else if (count < 0) {
                throw new ReadException(
                        "cannot read %d bytes at %d of %s past the page cache: error %d"
                                .formatted(length - done, offset + done, path, -count));
            }
            done += count;
        }
        try {
            system.moveIn(slot, address + offset, length);
        } catch (IOException e) {
            restore(offset, length);
            throw new MoveException(e.getMessage());
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
                "%d bytes at %d of %s are lost to this process; load the model again: %s"
                        .formatted(length, offset, path, cause.getMessage()));
    }

    /**
     * Has the mapping show the file where it shows a slot; the slot can be filled again then.
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

    /** The system does not move pages, though they can be read. */
    public static final class MoveException extends IOException {
        private static final long serialVersionUID = 1;

        MoveException(String message) {
            super(message);
        }
    }

    /**
     * Tries it out where nobody computes yet: whether what was filled in is what the file has, and
     * whether the file is there again when it was evicted.
     *
     * @param slot memory to try it with, of that length
     * @throws IOException if something is not as it should be; it says what
     */
    public void check(long slot, long offset, long length) throws IOException {
        byte[] expected = new byte[Math.toIntExact(length)];
        try (FileChannel channel = FileChannel.open(path)) {
            ByteBuffer buffer = ByteBuffer.wrap(expected);
            while (buffer.hasRemaining() && channel.read(buffer, offset + buffer.position()) >= 0) {
                // Until it is full.
            }
        }
        for (int round = 0; round < 2; round++) {
            fill(slot, offset, length);
            compare(expected, offset, "filled in");
            evict(slot, offset, length);
            compare(expected, offset, "evicted");
        }
        // What is written into the slot must not show where the file is again.
        byte before = MEMORY.get(ValueLayout.JAVA_BYTE, address + offset);
        MEMORY.set(ValueLayout.JAVA_BYTE, slot, (byte) ~before);
        if (MEMORY.get(ValueLayout.JAVA_BYTE, address + offset) != before) {
            throw new IOException("after an eviction the mapping still shows the slot");
        }
    }

    private void compare(byte[] expected, long offset, String what) throws IOException {
        MemorySegment here = MemorySegment.ofAddress(address + offset).reinterpret(expected.length);
        long at = here.mismatch(MemorySegment.ofArray(expected));
        if (at >= 0) {
            throw new IOException(
                    "%s, byte %d of %s is not what the file has"
                            .formatted(what, offset + at, path));
        }
    }

    @Override
    public void close() {
        PosixMemory.close(fd);
    }
}
