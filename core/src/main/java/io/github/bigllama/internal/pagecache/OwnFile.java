package io.github.bigllama.internal.pagecache;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;

/**
 * A mapped file whose parts can be in the process's own memory. Offsets and lengths are in bytes of
 * the file, multiples of its unit. Thread-safe for parts that do not overlap.
 */
@SuppressWarnings("restricted")
public final class OwnFile implements AutoCloseable {
    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final OwnPages system;
    private final Path path;
    private final long address;
    private final int fd;

    /**
     * Opens a file that is mapped.
     *
     * @param address the address of byte 0 of the file
     * @throws IOException if the file system can only read through the page cache
     */
    public OwnFile(OwnPages system, Path path, long address) throws IOException {
        this.system = system;
        this.path = path;
        this.address = address;
        this.fd = system.open(path);
    }

    /**
     * Reads a part into a slot and maps the slot in the place of the part.
     *
     * @throws IOException if it can't be read or moved; then the place still maps the file
     */
    public void fill(long slot, long offset, long length) throws IOException {
        for (long done = 0; done < length; ) {
            long count = system.read(fd, slot + done, length - done, offset + done);
            if (count == 0) {
                throw new IOException(
                        "%s ends at %d, in the middle of its weights: it was cut short"
                                .formatted(path, offset + done));
            } else if (count < 0) {
                throw new IOException(
                        "cannot read %d bytes at %d of %s: error %d"
                                .formatted(length - done, offset + done, path, -count));
            }
            done += count;
        }
        try {
            system.moveIn(slot, address + offset, length);
        } catch (IOException e) {
            PosixMemory.mapFile(address + offset, length, fd, offset);
            throw new MoveException(e.getMessage());
        }
    }

    /** Maps the file again in the place of a slot, which can then be refilled. */
    public void evict(long slot, long offset, long length) throws IOException {
        try {
            system.giveBack(address + offset, slot, length, fd, offset);
        } catch (IOException e) {
            throw new MoveException(e.getMessage());
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
     * Tests both operations before anything is computed: whether the place has the bytes of the
     * file after filling, and again after evicting.
     *
     * @param slot memory of that length for the test
     * @throws IOException if the test fails, with the reason
     */
    public void check(long slot, long offset, long length) throws IOException {
        byte[] expected = new byte[Math.toIntExact(length)];
        try (FileChannel channel = FileChannel.open(path)) {
            ByteBuffer buffer = ByteBuffer.wrap(expected);
            while (buffer.hasRemaining() && channel.read(buffer, offset + buffer.position()) >= 0) {
                // Repeats short reads until the slot is full.
            }
        }
        for (int round = 0; round < 2; round++) {
            fill(slot, offset, length);
            compare(expected, offset, "filled in");
            evict(slot, offset, length);
            compare(expected, offset, "evicted");
        }
        // Bytes written into the slot must not appear in the place of the file.
        byte before = MEMORY.get(ValueLayout.JAVA_BYTE, address + offset);
        MEMORY.set(ValueLayout.JAVA_BYTE, slot, (byte) ~before);
        if (MEMORY.get(ValueLayout.JAVA_BYTE, address + offset) != before) {
            throw new IOException("after an eviction the place still maps the slot");
        }
    }

    private void compare(byte[] expected, long offset, String what) throws IOException {
        MemorySegment here = MemorySegment.ofAddress(address + offset).reinterpret(expected.length);
        long at = here.mismatch(MemorySegment.ofArray(expected));
        if (at >= 0) {
            throw new IOException(
                    "%s, byte %d of %s differs from the file".formatted(what, offset + at, path));
        }
    }

    @Override
    public void close() {
        PosixMemory.close(fd);
    }
}
