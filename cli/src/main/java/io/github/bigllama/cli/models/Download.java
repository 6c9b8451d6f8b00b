package io.github.bigllama.cli.models;

import io.github.bigllama.cli.models.DownloadState.Block;
import io.github.bigllama.cli.network.Http;
import io.github.bigllama.cli.network.Patience;
import io.github.bigllama.cli.network.PullException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.LongConsumer;

/**
 * Downloads one file from a web server with several connections, each for one range at a time, into
 * {@code NAME.part}, which is renamed when it is complete and its checksum is right.
 */
final class Download {
    private static final int CONNECTIONS = 4;
    private static final int CHECK_BUFFER = 1 << 20;
    private static final long WAIT_MILLIS = 50;

    /** The most time of downloading that a power cut may undo. */
    private static final Duration UNSAVED = Duration.ofSeconds(3);

    private final Path target;
    private final Path part;
    private final RangeRequests requests;
    private final Patience patience;
    private final Http http;
    private final DownloadState state;
    private final AtomicReference<Exception> failure = new AtomicReference<>();

    /**
     * Prepares the download of a file whose size and version the server has told.
     *
     * @param origin the source and the version of the file
     */
    Download(
            Path target,
            Origin origin,
            RangeRequests requests,
            Patience patience,
            Http http,
            int blockSize)
            throws IOException {
        this.target = target;
        this.requests = requests;
        this.patience = patience;
        this.http = http;
        part = ModelsFolder.partial(target);
        state =
                DownloadState.of(
                        part,
                        origin,
                        requests.first().hasRanges() ? blockSize : Math.max(1, origin.size()));
    }

    /** Bytes that are still missing. */
    long missingBytes() {
        return state.origin().size() - state.doneBytes();
    }

    long doneBytes() {
        return state.doneBytes();
    }

    /** Makes room by emptying a partial file of another version, or of unknown origin. */
    void discardUseless() throws IOException {
        if (state.doneBytes() == 0) {
            deleteIfEmpty();
        }
    }

    /**
     * Downloads the file, or the rest of it.
     *
     * @param progress is given the number of bytes downloaded so far, on this thread
     * @param checking is given the number of bytes that have been checked
     * @throws PullException if the file can't be downloaded
     * @throws CancellationException if it was stopped; the partial file is kept
     * @throws IOException if the file can't be written
     */
    void run(LongConsumer progress, LongConsumer checking) throws IOException {
        Files.createDirectories(target.getParent());
        try (FileChannel channel =
                FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            bring(channel, progress);
        } finally {
            deleteIfEmpty();
        }
        Origin origin = state.origin();
        if (origin.sha256().isPresent()) {
            check(origin.sha256().get(), checking);
        }
        origin.save(target);
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        DownloadState.delete(part);
    }

    /** A download without any bytes leaves no files. */
    private void deleteIfEmpty() throws IOException {
        if (state.doneBytes() == 0 && state.origin().size() > 0) {
            Files.deleteIfExists(part);
            DownloadState.delete(part);
        }
    }

    private void bring(FileChannel channel, LongConsumer progress) throws IOException {
        Iterator<Block> blocks =
                List.copyOf(state.blocks()).stream().filter(block -> !block.isDone()).iterator();
        // Saves the state first, before any new bytes.
        tell(progress);
        List<Thread> workers = new ArrayList<>();
        for (int i = 0; i < CONNECTIONS; i++) {
            workers.add(
                    Thread.ofPlatform()
                            .daemon()
                            .name("bigllama-pull-" + i)
                            .start(() -> work(blocks, channel)));
        }
        CountDownLatch isOver = new CountDownLatch(1);
        Thread saver =
                Thread.ofPlatform()
                        .daemon()
                        .name("bigllama-pull-saver")
                        .start(() -> saveNowAndThen(channel, isOver));
        boolean interrupted = false;
        while (workers.stream().anyMatch(Thread::isAlive)) {
            tell(progress);
            try {
                Thread.sleep(WAIT_MILLIS);
            } catch (InterruptedException e) {
                interrupted = true;
                patience.stop();
            }
            if (patience.isStopped()) {
                // Also the calls that have begun since the last time.
                http.cancelAll();
            }
        }
        isOver.countDown();
        interrupted |= join(saver);
        saveWhatCan(channel);
        if (interrupted) {
            // Not earlier, because an interrupt would close the channel.
            Thread.currentThread().interrupt();
        }
        rethrow();
        progress.accept(state.doneBytes());
    }

    private void tell(LongConsumer progress) {
        try {
            progress.accept(state.doneBytes());
        } catch (RuntimeException e) {
            failure.compareAndSet(null, e);
            patience.stop();
        }
    }

    /**
     * Waits for a thread that is about to end; returns whether this thread was interrupted
     * meanwhile.
     */
    private static boolean join(Thread thread) {
        boolean interrupted = false;
        while (true) {
            try {
                thread.join();
                return interrupted;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
    }

    private void rethrow() throws IOException {
        switch (failure.get()) {
            case null -> {
                if (patience.isStopped()) {
                    throw new CancellationException("stopped");
                }
            }
            case IOException e -> throw e;
            case UncheckedIOException e -> throw e.getCause();
            case RuntimeException e -> throw e;
            case Exception e -> throw new AssertionError(e);
        }
    }

    private void work(Iterator<Block> blocks, FileChannel channel) {
        try {
            for (Block block = next(blocks); block != null; block = next(blocks)) {
                requests.range(block, (bytes, at) -> write(channel, bytes, at));
            }
        } catch (CancellationException e) {
            // The caller who stopped it knows.
        } catch (IOException | RuntimeException e) {
            if (!patience.isStopped()) {
                failure.compareAndSet(null, e);
                patience.stop();
            }
        }
    }

    private static Block next(Iterator<Block> blocks) {
        synchronized (blocks) {
            return blocks.hasNext() ? blocks.next() : null;
        }
    }

    private void saveNowAndThen(FileChannel channel, CountDownLatch isOver) {
        try {
            while (!isOver.await(UNSAVED.toMillis(), TimeUnit.MILLISECONDS)) {
                saveWhatCan(channel);
            }
        } catch (InterruptedException e) {
            // Nobody interrupts this thread; bytes that were not saved are downloaded again.
        }
    }

    /** Saves the state if possible; bytes that were not saved are downloaded again. */
    private void saveWhatCan(FileChannel channel) {
        try {
            save(channel);
        } catch (IOException e) {
            failure.compareAndSet(null, unwritable(e).getCause());
            patience.stop();
        }
    }

    /**
     * Saves the state, so that bytes that count as downloaded are on the disk even after a power
     * cut.
     */
    private void save(FileChannel channel) throws IOException {
        Properties snapshot = state.snapshot();
        channel.force(false);
        state.save(snapshot);
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

    private void check(String expected, LongConsumer checking) throws IOException {
        String actual = sha256(part, patience, checking);
        if (!actual.equalsIgnoreCase(expected)) {
            DownloadState.delete(part);
            Files.deleteIfExists(part);
            throw new PullException(
                    "%s has SHA-256 %s, expected %s: the download was damaged and is deleted; pull it again"
                            .formatted(requests, actual, expected));
        }
    }

    /**
     * The checksum of a file.
     *
     * @throws CancellationException if it was stopped
     */
    static String sha256(Path file, Patience patience, LongConsumer checking) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            MessageDigest digest = MessageDigest.getInstance("SHA-256");
            byte[] buffer = new byte[CHECK_BUFFER];
            long done = 0;
            for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
                digest.update(buffer, 0, count);
                done += count;
                checking.accept(done);
                if (patience.isStopped()) {
                    throw new CancellationException("stopped");
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java has SHA-256", e);
        }
    }
}
