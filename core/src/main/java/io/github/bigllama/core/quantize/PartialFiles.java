package io.github.bigllama.core.quantize;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Files that are written under temporary names beside their targets, and renamed when all are
 * complete. Otherwise they are deleted, at the latest when the JVM ends. If the JVM is killed they
 * remain, and the next attempt for the same targets replaces them.
 */
final class PartialFiles implements AutoCloseable {
    private final List<Path> files;
    private final List<Path> targets;

    private PartialFiles(List<Path> files, List<Path> targets) {
        this.files = List.copyOf(files);
        this.targets = List.copyOf(targets);
    }

    /**
     * Creates empty files, which shows whether the folder is writable.
     *
     * @param files the temporary names
     * @param targets the final names
     * @param bytes room that the files need on the disk
     * @throws IOException if the files can't be created, or there is too little room; says why
     */
    static PartialFiles create(List<Path> files, List<Path> targets, long bytes)
            throws IOException {
        for (Path target : targets) {
            if (Files.isDirectory(target)) {
                throw new IOException(target + " is a folder: name the file to write");
            }
            if (Files.exists(target) && !Files.isRegularFile(target)) {
                throw new IOException(target + " is a pipe or a device: name a regular file");
            }
        }
        Path folder = targets.getFirst().toAbsolutePath().getParent();
        if (!Files.isDirectory(folder)) {
            throw new IOException("there is no folder " + folder);
        }
        PartialFiles partial = new PartialFiles(files, targets);
        try {
            for (Path file : files) {
                Files.deleteIfExists(file);
                Files.createFile(file);
                file.toFile().deleteOnExit();
            }
            long free = Files.getFileStore(folder).getUsableSpace();
            if (free < bytes) {
                throw new IOException(
                        String.format(
                                Locale.ROOT,
                                "%.3f GB are needed, and its disk has %.3f GB free",
                                bytes / 1e9,
                                free / 1e9));
            }
            return partial;
        } catch (AccessDeniedException e) {
            partial.close();
            throw new IOException("no permission to write in " + folder, e);
        } catch (IOException e) {
            partial.close();
            throw e;
        }
    }

    /** Renames the files. The first comes last: it is the one to open of a model in parts. */
    void complete() throws IOException {
        for (int i = files.size() - 1; i >= 0; i--) {
            Files.move(files.get(i), targets.get(i), StandardCopyOption.ATOMIC_MOVE);
        }
    }

    /** Deletes the files that have not been renamed. */
    @Override
    public void close() throws IOException {
        List<IOException> failures = new ArrayList<>();
        for (Path file : files) {
            try {
                Files.deleteIfExists(file);
            } catch (IOException e) {
                failures.add(e);
            }
        }
        if (!failures.isEmpty()) {
            throw failures.getFirst();
        }
    }
}
