package io.github.bigllama.cli.models;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * Which bytes of a partial file have been downloaded: the beginning of each block. Saved beside the
 * file, so that a download continues where it stopped, however it stopped. Thread-safe except for
 * {@link #save}.
 */
final class DownloadState {
    private static final String SUFFIX = ".state";

    private final Path file;
    private final Origin origin;
    private final long blockSize;
    private final List<Block> blocks = new ArrayList<>();

    /** A part of the file that one connection at a time downloads. */
    static final class Block {
        private final long start;
        private final long end;
        private final AtomicLong next;
        private volatile long most;

        private Block(long start, long end) {
            this.start = start;
            this.end = end;
            next = new AtomicLong(start);
            most = start;
        }

        /** The end of the block in the file. */
        long end() {
            return end;
        }

        /** The first missing byte; the end of the block if none is missing. */
        long next() {
            return next.get();
        }

        /** The largest value that {@link #next} has had. */
        long most() {
            return most;
        }

        boolean isDone() {
            return next() == end;
        }

        /** Counts bytes that were written; returns whether the block was never that far before. */
        boolean add(long count) {
            long now = next.addAndGet(count);
            if (now <= most) {
                return false;
            }
            most = now;
            return true;
        }

        /** Begins the block anew. */
        void restart() {
            next.set(start);
        }
    }

    private DownloadState(Path part, Origin origin, long blockSize) {
        this.file = beside(part);
        this.origin = origin;
        this.blockSize = blockSize;
        for (long start = 0; start < origin.size(); start += blockSize) {
            blocks.add(new Block(start, Math.min(origin.size(), start + blockSize)));
        }
    }

    private static Path beside(Path part) {
        return part.resolveSibling(part.getFileName() + SUFFIX);
    }

    /** The origin of a partial file; empty if it is not known. */
    static Optional<Origin> origin(Path part) {
        return Origin.load(beside(part)).flatMap(Origin::from);
    }

    /** Downloaded bytes of a partial file. */
    static long doneBytes(Path part) {
        return Origin.load(beside(part))
                .flatMap(
                        kept ->
                                Origin.from(kept)
                                        .flatMap(
                                                origin ->
                                                        restored(
                                                                part,
                                                                origin,
                                                                blockSize(kept),
                                                                kept)))
                .map(DownloadState::doneBytes)
                .orElse(0L);
    }

    /**
     * The state of a partial file, if it has the same origin and version; otherwise an empty state.
     */
    static DownloadState of(Path part, Origin origin, long blockSize) {
        return Optional.of(part)
                .filter(Files::exists)
                .flatMap(path -> Origin.load(beside(path)))
                .filter(kept -> blockSize == blockSize(kept))
                .filter(
                        kept ->
                                Origin.from(kept)
                                        .filter(before -> before.source().equals(origin.source()))
                                        .filter(before -> before.isSameVersion(origin))
                                        .isPresent())
                .flatMap(kept -> restored(part, origin, blockSize, kept))
                .orElseGet(() -> new DownloadState(part, origin, blockSize));
    }

    private static long blockSize(Properties kept) {
        String text = kept.getProperty("block", "");
        return text.matches("\\d{1,18}") ? Long.parseLong(text) : 0;
    }

    private static Optional<DownloadState> restored(
            Path part, Origin origin, long blockSize, Properties kept) {
        if (blockSize <= 0) {
            return Optional.empty();
        }
        DownloadState state = new DownloadState(part, origin, blockSize);
        String[] counts = kept.getProperty("have", "").split(",");
        if (counts.length != state.blocks.size()) {
            return Optional.empty();
        }
        for (int i = 0; i < counts.length; i++) {
            Block block = state.blocks.get(i);
            if (!counts[i].matches("\\d{1,18}")
                    || Long.parseLong(counts[i]) > block.end - block.start) {
                return Optional.empty();
            }
            block.add(Long.parseLong(counts[i]));
        }
        return Optional.of(state);
    }

    List<Block> blocks() {
        return blocks;
    }

    Origin origin() {
        return origin;
    }

    /** Downloaded bytes. */
    long doneBytes() {
        return blocks.stream().mapToLong(block -> block.next() - block.start).sum();
    }

    /** The state at this moment, to be saved once its bytes are safely on the disk. */
    Properties snapshot() {
        Properties kept = origin.toProperties();
        kept.setProperty("block", Long.toString(blockSize));
        kept.setProperty(
                "have",
                blocks.stream()
                        .map(block -> Long.toString(block.next() - block.start))
                        .collect(Collectors.joining(",")));
        return kept;
    }

    void save(Properties snapshot) throws IOException {
        Origin.store(snapshot, file);
    }

    /** Deletes the state of a partial file. */
    static void delete(Path part) throws IOException {
        Files.deleteIfExists(beside(part));
    }
}
