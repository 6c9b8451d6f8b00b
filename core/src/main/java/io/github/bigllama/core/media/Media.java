package io.github.bigllama.core.media;

import io.github.bigllama.core.exception.MediaException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.Objects;

/**
 * The bytes of a file with an image (PNG, JPEG, GIF, BMP; of a GIF the first picture) or a sound
 * (WAV, MP3, FLAC), for a message to a model with a {@linkplain io.github.bigllama.core.Projector
 * projector}. They are decoded when a model is given them. Two with the same bytes are equal.
 * Immutable.
 */
public final class Media {
    /** The largest file, in bytes. */
    public static final int MAX_BYTES = 64 << 20;

    private final String name;
    private final byte[] bytes;
    private final String id;

    private Media(String name, byte[] bytes) {
        this.name = name;
        this.bytes = bytes;
        this.id = hash(bytes);
    }

    /**
     * Reads a file.
     *
     * @throws MediaException if it can't be read, is empty, or has more than {@link #MAX_BYTES}
     */
    public static Media read(Path file) {
        Objects.requireNonNull(file, "file");
        if (file.toString().isEmpty()) {
            throw new MediaException("the name of the image or sound is empty");
        }
        try {
            if (Files.isDirectory(file)) {
                throw new MediaException(file + " is a directory; give the file of an image");
            }
            if (Files.isRegularFile(file)) {
                requireSize(file.toString(), Files.size(file));
            }
            try (InputStream in = Files.newInputStream(file)) {
                return of(file.toString(), in.readNBytes(MAX_BYTES + 1), false);
            }
        } catch (NoSuchFileException e) {
            throw new MediaException("there is no file " + file, e);
        } catch (IOException e) {
            throw new MediaException("cannot read " + file + ": " + e, e);
        }
    }

    /**
     * Takes bytes that came from elsewhere.
     *
     * @param name what they are called in messages
     * @throws MediaException if there are none, or more than {@link #MAX_BYTES}
     */
    public static Media of(String name, byte[] bytes) {
        Objects.requireNonNull(name, "name");
        return of(name, Objects.requireNonNull(bytes, "bytes"), true);
    }

    private static Media of(String name, byte[] bytes, boolean isForeign) {
        requireSize(name, bytes.length);
        return new Media(name, isForeign ? bytes.clone() : bytes);
    }

    private static void requireSize(String name, long size) {
        if (size == 0) {
            throw new MediaException(name + " is empty");
        }
        if (size > MAX_BYTES) {
            throw new MediaException(
                    String.format(
                            Locale.ROOT,
                            "%s has %d bytes or more, and an image or a sound at most %d; make it smaller",
                            name,
                            size,
                            MAX_BYTES));
        }
    }

    private static String hash(byte[] bytes) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e); // every Java has it
        }
    }

    /** What it is called in messages, usually its file. */
    public String name() {
        return name;
    }

    /** The bytes, read-only. */
    public ByteBuffer bytes() {
        return ByteBuffer.wrap(bytes).asReadOnlyBuffer();
    }

    /** The SHA-256 of the bytes, in hexadecimal. */
    public String id() {
        return id;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Media media && media.id.equals(id);
    }

    @Override
    public int hashCode() {
        return id.hashCode();
    }

    @Override
    public String toString() {
        return name;
    }
}
