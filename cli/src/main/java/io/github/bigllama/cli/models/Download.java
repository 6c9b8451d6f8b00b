package io.github.bigllama.cli.models;

import io.github.bigllama.cli.models.RemoteModel.RemoteFile;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongPredicate;

/**
 * One file from a web server: several connections, each a range at a time, into {@code NAME.part},
 * which gets its name when all of it is there and right.
 */
final class Download {
    private static final int CONNECTIONS = 4;
    private static final int BUFFER = 1 << 16;
    private static final long WAIT_MILLIS = 50;

    private final RemoteFile file;
    private final Path target;
    private final RangeRequests requests;
    private final int blockSize;

    /** Bytes that are there, and whether to go on. */
    private final AtomicLong done = new AtomicLong();

    private final AtomicReference<Exception> failure = new AtomicReference<>();
    private volatile boolean stopped;

    Download(RemoteFile file, Path target, RangeRequests requests, int blockSize) {
        this.file = file;
        this.target = target;
        this.requests = requests;
        this.blockSize = blockSize;
    }

    /**
     * Brings it, or the rest of it.
     *
     * @param progress is told the bytes that are there, from this thread; returns false to stop,
     *     and what is there is kept
     * @throws PullException if it can't be had
     * @throws CancellationException if the progress said so
     * @throws IOException if it can't be written
     */
    void run(LongPredicate progress) throws IOException {
        Files.createDirectories(target.getParent());
        Path part = target.resolveSibling(target.getFileName() + ModelsFolder.PARTIAL);
        try (FileChannel channel =
                FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            lock(channel);
            bring(requests.first(), channel, part, progress);
        }
        check(part, progress);
        DownloadState.delete(part);
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Until the channel is closed. */
    private void lock(FileChannel channel) throws IOException {
        FileLock lock = null;
        try {
            lock = channel.tryLock();
        } catch (OverlappingFileLockException e) {
            // By another thread of this program: the same.
        }
        if (lock == null) {
            throw new PullException(
                    target + " is being downloaded by another program; wait for it");
        }
    }

    private void bring(
            RangeRequests.Info info, FileChannel channel, Path part, LongPredicate progress)
            throws IOException {
        if (file.size().isPresent() && file.size().getAsLong() != info.size()) {
            throw new PullException(
                    "%s has %d bytes, and %d were announced"
                            .formatted(requests, info.size(), file.size().getAsLong()));
        }
        DownloadState state =
                DownloadState.of(
                        part,
                        info.version(),
                        info.size(),
                        info.hasRanges() ? blockSize : info.size());
        requireRoom(info.size() - state.doneBytes());
        channel.truncate(info.size());
        done.set(state.doneBytes());
        blocks(state, channel, progress);
    }

    private void blocks(DownloadState state, FileChannel channel, LongPredicate progress)
            throws IOException {
        AtomicInteger next = new AtomicInteger();
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < CONNECTIONS; i++) {
            workers.add(
                    Thread.ofPlatform()
                            .daemon()
                            .name("bigllama-pull-" + i)
                            .start(() -> work(state, next, channel)));
        }
        try {
            while (!stopped && workers.stream().anyMatch(Thread::isAlive)) {
                stopped |= !progress.test(done.get());
                Thread.sleep(WAIT_MILLIS);
            }
            // Ends their waiting too.
            workers.forEach(Thread::interrupt);
            for (Thread worker : workers) {
                worker.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            workers.forEach(Thread::interrupt);
            stopped = true;
        }
        switch (failure.get()) {
            case null -> {}
            case IOException e -> throw e;
            case UncheckedIOException e -> throw e.getCause();
            case RuntimeException e -> throw e;
            case Exception e -> throw new AssertionError(e);
        }
        if (stopped) {
            throw new CancellationException("stopped");
        }
        progress.test(done.get());
    }

    private void work(DownloadState state, AtomicInteger next, FileChannel channel) {
        try {
            int block = next.getAndIncrement();
            while (block < state.blocks() && !stopped) {
                boolean isDone;
                synchronized (state) {
                    isDone = state.isDone(block);
                }
                if (!isDone && bringBlock(state, block, channel)) {
                    note(state, block, channel);
                }
                block = next.getAndIncrement();
            }
        } catch (IOException | RuntimeException e) {
            // Whatever happens to those that are told to stop is no failure.
            synchronized (failure) {
                if (!stopped) {
                    failure.set(e);
                    stopped = true;
                }
            }
        }
    }

    /** A block counts as there when it would be after a power cut too. */
    private void note(DownloadState state, int block, FileChannel channel) {
        try {
            channel.force(false);
            synchronized (state) {
                state.add(block);
            }
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    /** Whether it is there; it is not if someone said to stop. */
    private boolean bringBlock(DownloadState state, int block, FileChannel channel)
            throws IOException {
        AtomicLong received = new AtomicLong();
        return requests.range(
                state.offset(block),
                state.length(block),
                () -> done.addAndGet(-received.getAndSet(0)),
                (bytes, at) -> {
                    int count = bytes.remaining();
                    write(channel, bytes, at);
                    received.addAndGet(count);
                    done.addAndGet(count);
                    return !stopped;
                });
    }

    private void write(FileChannel channel, ByteBuffer bytes, long at) {
        try {
            long position = at;
            while (bytes.hasRemaining()) {
                position += channel.write(bytes, position);
            }
        } catch (IOException e) {
            throw unwritable(e);
        }
    }

    private UncheckedIOException unwritable(IOException e) {
        return new UncheckedIOException(
                new IOException("cannot write " + target + ": " + e.getMessage(), e));
    }

    private void requireRoom(long needed) throws IOException {
        long free = Files.getFileStore(target.getParent()).getUsableSpace();
        if (needed > free) {
            throw new PullException(
                    String.format(
                            Locale.ROOT,
                            "there are %.2f GB free in %s, and %.2f GB are to come: make room, or name another folder by %s",
                            free / 1e9,
                            target.getParent(),
                            needed / 1e9,
                            ModelsFolder.VARIABLE));
        }
    }

    private void check(Path part, LongPredicate progress) throws IOException {
        Optional<String> expected = file.sha256().or(requests::sha256);
        if (expected.isEmpty()) {
            return;
        }
        String actual = sha256(part, progress);
        if (!actual.equalsIgnoreCase(expected.get())) {
            DownloadState.delete(part);
            Files.deleteIfExists(part);
            throw new PullException(
                    "%s has SHA-256 %s, expected %s: what came is damaged, and deleted; pull it again"
                            .formatted(requests, actual, expected.get()));
        }
    }

    private String sha256(Path part, LongPredicate progress) throws IOException {
        try (InputStream in = Files.newInputStream(part)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[16 * BUFFER];
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                digest.update(buffer, 0, count);
                if (!progress.test(done.get())) {
                    throw new CancellationException("stopped");
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
