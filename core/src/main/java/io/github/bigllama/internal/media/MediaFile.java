package io.github.bigllama.internal.media;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/**
 * The container of an image or a sound, looked through for its end. The decoders make up what a
 * file lacks (stb_image) or take what is there (miniaudio), so that half a picture would be
 * described as a whole one; of a PNG, stb_image itself says it. What is damaged in other ways, or
 * no such file, is for them to refuse.
 */
final class MediaFile {
    /** Programs that write a WAV into a pipe put such a size, or more, or 0: all that follows. */
    private static final long UNKNOWN_SIZE = 0x7fff_0000L;

    private final ByteBuffer bytes;
    private final int end;

    MediaFile(ByteBuffer bytes) {
        this.bytes = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        end = bytes.limit();
    }

    /** The format of a file that ends too early; empty if it is complete, or of another format. */
    Optional<String> cutShort() {
        if (begins(0, "\u00ff\u00d8")) {
            return jpegEnds() ? Optional.empty() : Optional.of("JPEG");
        }
        if (begins(0, "GIF8")) {
            return gifEnds() ? Optional.empty() : Optional.of("GIF");
        }
        if (begins(0, "BM")) {
            return bmpEnds() ? Optional.empty() : Optional.of("BMP");
        }
        if (begins(0, "RIFF") && begins(8, "WAVE")) {
            return wavEnds() ? Optional.empty() : Optional.of("WAV");
        }
        return Optional.empty();
    }

    /**
     * The complete file as stb_image takes it: the size of a BMP whose rows are from top to bottom
     * has a minus, which its function for sizes leaves there; so here they are from bottom to top.
     */
    ByteBuffer upright() {
        if (!begins(0, "BM") || end < 54 || u32(14) < 40 || hasPackedRows()) {
            return bytes.duplicate();
        }
        int height = bytes.getInt(22);
        long row = bmpRow(bytes.getInt(18), u16(28));
        long first = u32(10);
        boolean isWhole = row > 0 && first >= 54 && first + -height * row <= end + 3L;
        if (height >= 0 || height < -end || !isWhole) {
            return bytes.duplicate();
        }
        // The padding of the last row may be missing.
        ByteBuffer turned = ByteBuffer.allocate((int) (first + -height * row));
        turned.order(ByteOrder.LITTLE_ENDIAN);
        turned.put(0, bytes, 0, (int) first);
        turned.putInt(22, -height);
        for (int i = 0; i < -height; i++) {
            long from = first + i * row;
            long to = first + (-height - 1 - i) * row;
            turned.put((int) to, bytes, (int) from, (int) Math.min(row, end - from));
        }
        return turned;
    }

    private boolean begins(int at, String magic) {
        if (end < at + magic.length()) {
            return false;
        }
        byte[] found = new byte[magic.length()];
        bytes.get(at, found);
        return new String(found, StandardCharsets.ISO_8859_1).equals(magic);
    }

    private int u8(long at) {
        return bytes.get((int) at) & 0xff;
    }

    private int u16(int at) {
        return bytes.getShort(at) & 0xffff;
    }

    private long u32(int at) {
        return bytes.getInt(at) & 0xffff_ffffL;
    }

    /** Segments are skipped: that of Exif has a picture, with an end, in it. */
    private boolean jpegEnds() {
        int at = 2;
        while (at + 1 < end) {
            int marker = u8(at + 1);
            if (u8(at) != 0xff || marker == 0xff) {
                at++;
            } else if (marker == 0xd9) {
                return true;
            } else if (marker <= 0x01 || marker >= 0xd0 && marker <= 0xd8) {
                // A byte 0xff of the picture, and markers without a segment.
                at += 2;
            } else if (at + 3 < end) {
                at += 2 + (u8(at + 2) << 8 | u8(at + 3));
            } else {
                return false;
            }
        }
        return false;
    }

    private boolean gifEnds() {
        if (end < 13) {
            return false;
        }
        long at = 13L + palette(u8(10));
        while (at < end) {
            switch (u8(at)) {
                case 0x3b -> {
                    return true;
                }
                case 0x21 -> at = afterBlocks(at + 2);
                case 0x2c -> {
                    if (at + 9 >= end) {
                        return false;
                    }
                    at = afterBlocks(at + 11 + palette(u8(at + 9)));
                }
                default -> {
                    // Damaged: there is no block of this kind.
                    return true;
                }
            }
        }
        return false;
    }

    /** Bytes of the palette that flags announce. */
    private static int palette(int flags) {
        return (flags & 0x80) == 0 ? 0 : 3 << ((flags & 7) + 1);
    }

    private long afterBlocks(long from) {
        long at = from;
        while (at < end && u8(at) != 0) {
            at += 1 + u8(at);
        }
        return at + 1;
    }

    private boolean bmpEnds() {
        if (end < 30) {
            return false;
        }
        boolean isOld = u32(14) == 12;
        long width = isOld ? u16(18) : bytes.getInt(18);
        long height = isOld ? u16(20) : Math.abs((long) bytes.getInt(22));
        int bits = u16(isOld ? 24 : 28);
        boolean isPacked = !isOld && end >= 34 && hasPackedRows();
        if (isPacked || width <= 0 || height == 0) {
            // Nothing that can be decoded.
            return true;
        }
        long row = bmpRow(width, bits);
        // First each alone: their product may be no long.
        return row <= end
                && height <= end
                && u32(10) + (height - 1) * row + (width * bits + 7) / 8 <= end;
    }

    /** Whether the header of a BMP says that its rows are run-length encoded. */
    private boolean hasPackedRows() {
        return u32(30) == 1 || u32(30) == 2;
    }

    /** Rows are of whole words, except that programs leave out the padding of the last. */
    private static long bmpRow(long width, int bits) {
        return (width * bits + 31) / 32 * 4;
    }

    private boolean wavEnds() {
        long at = 12;
        while (at + 8 <= end) {
            long size = u32((int) at + 4);
            if (begins((int) at, "data")) {
                return size >= UNKNOWN_SIZE || at + 8 + size <= end;
            }
            // Chunks begin at even places.
            at += 8 + size + (size & 1);
        }
        // Without a sound, which is said when it is decoded.
        return true;
    }
}
