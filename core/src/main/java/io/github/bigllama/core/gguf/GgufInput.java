package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Locale;

/**
 * Reads a header, and checks every length against the rest of the file, and against a budget for
 * the whole header, before allocating anything: a damaged length causes an error, never an {@link
 * OutOfMemoryError}.
 */
final class GgufInput {
    // The largest vocabularies take 30 MB with their merges; a header far beyond that is not a
    // model.
    private static final long HEADER_BUDGET = 256L << 20;

    private final String file;
    private final FileLocation.Bytes bytes;
    private final ByteBuffer buffer =
            ByteBuffer.allocate(64 << 10).order(ByteOrder.LITTLE_ENDIAN).limit(0);
    // The file offset of the byte at buffer.limit().
    private long filled;

    GgufInput(String file, FileLocation.Bytes bytes) {
        this.file = file;
        this.bytes = bytes;
    }

    /** The offset in the file of the next byte. */
    long position() {
        return filled - buffer.remaining();
    }

    long remaining() {
        return size() - position();
    }

    long size() {
        return bytes.size();
    }

    /** Sets the byte order of the numbers that follow; little-endian at first. */
    void order(ByteOrder order) {
        buffer.order(order);
    }

    ByteOrder order() {
        return buffer.order();
    }

    int i32(String what) {
        fill(4, what);
        return buffer.getInt();
    }

    long u32(String what) {
        return i32(what) & 0xFFFF_FFFFL;
    }

    long i64(String what) {
        fill(8, what);
        return buffer.getLong();
    }

    /** A length or count: 64 bits, unsigned in the file. */
    long length(String what, long bytesEach) {
        long at = position();
        long length = i64(what);
        if (length < 0 || length > remaining() / bytesEach) {
            throw damagedLength(what, at, length, bytesEach);
        }
        if (position() + length * bytesEach > HEADER_BUDGET) {
            throw tooLarge(at, what);
        }
        return length;
    }

    byte[] string(String what) {
        return bytes(length("the length of " + what, 1), what);
    }

    /** {@code count} bytes, which the caller has bounded with {@link #length}. */
    byte[] bytes(long count, String what) {
        need(count, what);
        if (position() + count > HEADER_BUDGET) {
            throw tooLarge(position(), what);
        }
        byte[] all = new byte[Math.toIntExact(count)];
        for (int done = 0; done < all.length; ) {
            if (!buffer.hasRemaining()) {
                fill(1, what);
            }
            int part = Math.min(buffer.remaining(), all.length - done);
            buffer.get(all, done, part);
            done += part;
        }
        return all;
    }

    /**
     * Numbers of {@code size} bytes each, as little-endian bytes whatever the order of the file.
     */
    byte[] numbers(long count, int size, String what) {
        byte[] all = bytes(count * size, what);
        if (order() == ByteOrder.BIG_ENDIAN) {
            for (int start = 0; start < all.length; start += size) {
                for (int i = start, j = start + size - 1; i < j; i++, j--) {
                    byte swapped = all[i];
                    all[i] = all[j];
                    all[j] = swapped;
                }
            }
        }
        return all;
    }

    private void need(long count, String what) {
        if (count > remaining()) {
            throw endsEarly(what, count);
        }
    }

    private void fill(int count, String what) {
        if (buffer.remaining() >= count) {
            return;
        }
        need(count, what);
        buffer.compact();
        try {
            while (buffer.position() < count) {
                int read = bytes.read(buffer, filled);
                if (read < 0) {
                    // The file became shorter after its size was read.
                    buffer.flip();
                    throw endsEarly(what, count);
                }
                filled += read;
            }
        } catch (IOException e) {
            throw new GgufException(
                    Problem.UNREADABLE,
                    file,
                    filled,
                    "cannot be read at byte " + filled + ": " + reason(e),
                    e);
        }
        buffer.flip();
    }

    private GgufException endsEarly(String what, long count) {
        long at = position();
        return new GgufException(
                Problem.TRUNCATED,
                file,
                at,
                String.format(
                                Locale.ROOT,
                                "ends inside its header: %s needs %d bytes at byte %d, but the file has only %d in all;",
                                what,
                                count,
                                at,
                                size())
                        + " copy or download it again");
    }

    private GgufException damagedLength(String what, long at, long length, long bytesEach) {
        String unit = bytesEach == 1 ? "" : " and each takes at least " + bytesEach + " bytes";
        return new GgufException(
                Problem.DAMAGED,
                file,
                at,
                String.format(
                                Locale.ROOT,
                                "%s (at byte %d) is %s%s, but the file has only %d bytes after it;",
                                what,
                                at,
                                Long.toUnsignedString(length),
                                unit,
                                size() - at - Long.BYTES)
                        + " it is damaged or cut short: copy or download it again");
    }

    private GgufException tooLarge(long at, String what) {
        return new GgufException(
                Problem.DAMAGED,
                file,
                at,
                String.format(
                        Locale.ROOT,
                        "its header is larger than %d MiB: %s at byte %d does not fit; no model has such a header, it is damaged: copy or download it again",
                        HEADER_BUDGET >> 20,
                        what,
                        at));
    }

    static String reason(IOException e) {
        return e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    }
}
