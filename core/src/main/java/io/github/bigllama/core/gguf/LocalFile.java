package io.github.bigllama.core.gguf;

import io.github.bigllama.core.gguf.GgufException.Problem;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/** A file on this machine. */
record LocalFile(Path path) implements FileLocation {
    @Override
    public String toString() {
        return path.toString();
    }

    @Override
    public String fileName() {
        return path.getFileName().toString();
    }

    @Override
    public LocalFile sibling(String fileName) {
        return new LocalFile(path.resolveSibling(fileName));
    }

    @Override
    public boolean exists() {
        return Files.exists(path);
    }

    @Override
    public Bytes open() {
        checkIsFile();
        try {
            FileChannel channel = FileChannel.open(path);
            return new OpenFile(channel, channel.size());
        } catch (NoSuchFileException e) {
            throw notFound();
        } catch (AccessDeniedException e) {
            throw new GgufException(
                    Problem.UNREADABLE,
                    toString(),
                    -1,
                    "no permission to read it: check its permissions",
                    e);
        } catch (IOException e) {
            throw new GgufException(
                    Problem.UNREADABLE,
                    toString(),
                    -1,
                    "cannot be opened: " + GgufInput.reason(e),
                    e);
        }
    }

    private void checkIsFile() {
        if (Files.isDirectory(path)) {
            throw new GgufException(
                    Problem.NOT_A_FILE, toString(), "is a folder: name the .gguf file in it");
        }
        if (!Files.exists(path)) {
            throw notFound();
        }
        if (!Files.isRegularFile(path)) {
            // Opening a pipe could wait forever, and llama.cpp needs to map and seek.
            throw new GgufException(
                    Problem.NOT_A_FILE,
                    toString(),
                    "is a pipe or a device: llama.cpp needs a regular file");
        }
    }

    private GgufException notFound() {
        return new GgufException(
                Problem.NOT_FOUND,
                toString(),
                Files.isSymbolicLink(path)
                        ? "is a symbolic link to a file that does not exist"
                        : "no such file: check the path");
    }

    private record OpenFile(FileChannel channel, long size) implements Bytes {
        @Override
        public int read(ByteBuffer into, long position) throws IOException {
            return channel.read(into, position);
        }

        @Override
        public void close() throws IOException {
            channel.close();
        }
    }
}
