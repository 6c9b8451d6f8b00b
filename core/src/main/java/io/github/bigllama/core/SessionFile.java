package io.github.bigllama.core;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import io.github.bigllama.core.exception.SessionException;
import io.github.bigllama.internal.llama.Json;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * A session on disk: a sequence state file of llama.cpp ({@code llama_state_seq_save_file}),
 * followed by JSON that describes the model and the conversation, the length of the JSON, a
 * checksum, and a magic number. llama.cpp trusts the bytes it reads, so it is given only a file
 * whose checksum is right.
 */
final class SessionFile {
    private static final long MAGIC = 0x4c4c414d41535631L;

    /** Length of the JSON, checksum of everything before it, magic number. */
    private static final int END = 2 * Integer.BYTES + Long.BYTES;

    private static final int BUFFER = 1 << 20;
    private static final String PARTIAL = ".part";

    /** A conversation is private to the user. */
    private static final FileAttribute<Set<PosixFilePermission>> PRIVATE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private SessionFile() {}

    /** Writes the state to this file, which is empty before. */
    interface StateWriter {
        void write(Path file) throws IOException;
    }

    /**
     * Writes a file that appears as a whole or not at all, even after a power cut. It replaces an
     * existing file, at the end of a symbolic link and with the same permissions; a new one is
     * readable by its owner only.
     *
     * @throws IOException if the file can't be written; one that existed before is unchanged
     * @throws SessionException if it is no file, but a folder, a pipe or a device
     */
    static void write(Path file, StateWriter state, JsonNode description) throws IOException {
        requireFile(file);
        boolean isNew = Files.notExists(file);
        Path target = isNew ? file : file.toRealPath();
        Path partial = target.resolveSibling(target.getFileName() + PARTIAL);
        try {
            Files.deleteIfExists(partial);
            Files.createFile(partial, PRIVATE);
            if (!isNew) {
                Files.setPosixFilePermissions(partial, Files.getPosixFilePermissions(target));
            }
            state.write(partial);
            try (FileChannel channel =
                    FileChannel.open(partial, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
                byte[] json = Json.MAPPER.writeValueAsBytes(description);
                long size = channel.size();
                write(channel, ByteBuffer.wrap(json), size);
                ByteBuffer end = ByteBuffer.allocate(END);
                end.putInt(json.length);
                end.putInt((int) checksum(channel, size + json.length));
                end.putLong(MAGIC);
                write(channel, end.flip(), size + json.length);
                channel.force(true);
            }
            Files.move(
                    partial,
                    target,
                    StandardCopyOption.ATOMIC_MOVE,
                    StandardCopyOption.REPLACE_EXISTING);
        } finally {
            Files.deleteIfExists(partial);
        }
    }

    private static void write(FileChannel channel, ByteBuffer bytes, long position)
            throws IOException {
        long at = position;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }

    /**
     * Checks a file and reads its description.
     *
     * @throws SessionException if it is not a session file, or is damaged
     */
    static JsonNode read(Path file) {
        requireFile(file);
        try (FileChannel channel = FileChannel.open(file)) {
            long size = channel.size();
            ByteBuffer end = ByteBuffer.allocate(END);
            if (size >= END) {
                read(channel, end, size - END);
            }
            if (size < END || end.getLong(2 * Integer.BYTES) != MAGIC) {
                throw failure(file, "is not a session file of bigllama, or is cut short", null);
            }
            int length = end.getInt(0);
            long content = size - END;
            if (length < 0
                    || length > content
                    || (int) checksum(channel, content) != end.getInt(Integer.BYTES)) {
                throw failure(file, "is damaged: its checksum is wrong", null);
            }
            ByteBuffer json = ByteBuffer.allocate(length);
            read(channel, json, content - length);
            return Json.MAPPER.readTree(json.array());
        } catch (NoSuchFileException e) {
            throw failure(file, "does not exist", e);
        } catch (JacksonException e) {
            throw failure(file, "is of another version of bigllama", e);
        } catch (IOException e) {
            throw failure(file, "cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Opening a pipe could wait for ever, and writing would put a file in the place of a device.
     */
    private static void requireFile(Path file) {
        if (Files.exists(file) && !Files.isRegularFile(file)) {
            String kind = Files.isDirectory(file) ? "is a folder" : "is a pipe or a device";
            throw failure(file, kind + "; name a regular file", null);
        }
    }

    private static SessionException failure(Path file, String problem, @Nullable Exception cause) {
        return new SessionException("session file " + file + " " + problem, List.of(), cause);
    }

    private static void read(FileChannel channel, ByteBuffer into, long position)
            throws IOException {
        long at = position;
        while (into.hasRemaining()) {
            int count = channel.read(into, at);
            if (count < 0) {
                throw new IOException("it ends at byte " + at);
            }
            at += count;
        }
    }

    private static long checksum(FileChannel channel, long length) throws IOException {
        CRC32C checksum = new CRC32C();
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        for (long at = 0; at < length; ) {
            buffer.clear().limit((int) Math.min(BUFFER, length - at));
            read(channel, buffer, at);
            at += buffer.limit();
            checksum.update(buffer.flip());
        }
        return checksum.getValue();
    }
}
