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
 * What there is of a file that is being downloaded, kept beside it: so a download goes on where it
 * stopped, however it stopped. Of each block it is the beginning. Thread-safe but for {@link
 * #save}.
 */
final class DownloadState {
    private static final String SUFFIX = ".state";

    private final Path file;
    private final Origin origin;
    private final long blockSize;
    private final List<Block> blocks = new ArrayList<>();

    /** A part of the file that comes through one connection at a time. */
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

        /** Where it ends in the file. */
        long end() {
            return end;
        }

        /** The first byte that is missing; the end if none is. */
        long next() {
            return next.get();
        }

        /** The farthest that {@link #next} has been. */
        long most() {
            return most;
        }

        boolean isDone() {
            return next() == end;
        }

        /** Bytes are in the file; says whether it never was that far before. */
        boolean add(long count) {
            long now = next.addAndGet(count);
            if (now <= most) {
                return false;
            }
            most = now;
            return true;
        }

        /** Nothing counts as there. */
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

    /** Which file a partial file is to become; empty if that is not known. */
    static Optional<Origin> origin(Path part) {
        return Origin.load(beside(part)).flatMap(Origin::from);
    }

    /** Bytes of a partial file that are there. */
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
     * That of a partial file, if it is of the same version of the same file; otherwise of one of
     * which nothing is there.
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

    /** Bytes that are there. */
    long doneBytes() {
        return blocks.stream().mapToLong(block -> block.next() - block.start).sum();
    }

    /** What was there when this was called, to be saved when it is sure to stay. */
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

    /** Forgets that of a partial file. */
    static void delete(Path part) throws IOException {
        Files.deleteIfExists(beside(part));
    }
}
