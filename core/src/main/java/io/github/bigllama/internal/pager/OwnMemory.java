package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pagecache.OwnPages;
import io.github.bigllama.internal.pagecache.SlabMemory;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;

/**
 * Whether pieces of files are in memory of our own or in the page cache: tried out and, where it is
 * not clear, measured, when it is known where a file is mapped.
 */
final class OwnMemory {
    private static final System.Logger LOGGER = System.getLogger(OwnMemory.class.getName());

    /** Where weights are read to, if that is not to be found out: see {@link Choice}. */
    private static final String PROPERTY = "bigllama.weights.memory";

    private static final int THREADS = 4;
    private static final int MOST_MEASURED = 48;
    private static final double SECONDS = 0.2;

    /** What a tenth faster is worth: memory of our own takes less of the processor. */
    private static final double ADVANTAGE = 0.9;

    /** What is wanted. */
    enum Choice {
        /** Whatever is better: experts only where there is a page cache with large pages. */
        AUTO,
        /** Memory of our own for everything, if it can be had. */
        OWN,
        PAGE_CACHE;

        static Choice ofProperty() {
            String value = System.getProperty(PROPERTY, "auto");
            return switch (value) {
                case "auto" -> AUTO;
                case "own" -> OWN;
                case "page-cache" -> PAGE_CACHE;
                default ->
                        throw new IllegalArgumentException(
                                "%s is '%s'; it can be auto, own or page-cache"
                                        .formatted(PROPERTY, value));
            };
        }
    }

    private final Choice choice;
    private final OwnPages system;
    private final SlabMemory memory;
    private final boolean everyToken;

    /** Why there is none, or none any more. */
    private String refusal = "";

    OwnMemory(Choice choice, OwnPages system) {
        this.choice = choice;
        this.system = choice == Choice.PAGE_CACHE ? null : system;
        this.memory = system == null ? null : new SlabMemory(system);
        // macOS frees no page of a file at once: there the page cache can't be told what to drop.
        boolean mac = System.getProperty("os.name").equals("Mac OS X");
        this.everyToken = choice == Choice.OWN || mac;
    }

    /** What this system has, and the user wants. */
    static OwnMemory ofThisSystem() {
        Choice choice = Choice.ofProperty();
        try {
            return new OwnMemory(choice, OwnPages.ofThisSystem());
        } catch (IOException e) {
            return new OwnMemory(Choice.PAGE_CACHE, null);
        }
    }

    /** What pieces of files must begin at multiples of, so that they can be read into it. */
    long unit(List<Path> files) {
        long unit = OwnPages.pageSize();
        for (Path file : system == null ? List.<Path>of() : files) {
            try {
                unit = Math.max(unit, system.unit(file));
            } catch (IOException e) {
                refusal = e.getMessage();
            }
        }
        return unit;
    }

    /** Slots for the pieces of a model. */
    Slots slots(PieceMap map) {
        return new Slots(lengths(map), memory, system.mostMoved());
    }

    private long[] lengths(PieceMap map) {
        return IntStream.range(0, map.count())
                .mapToLong(p -> p < map.everyTokenCount() && !everyToken ? 0 : map.ownLength(p))
                .toArray();
    }

    /** Whether it is in pages that a disk fills at its full speed. */
    boolean isHuge() {
        return memory != null && memory.isHuge();
    }

    boolean isLocked() {
        return memory != null && memory.isLocked();
    }

    /**
     * Decides for a file.
     *
     * @param address where it is mapped
     * @param cached the same file in the page cache
     * @return the file, if its pieces are to be in memory of our own
     */
    Optional<OwnFile> attach(PieceMap map, int file, long address, MappedFile cached) {
        if (system == null) {
            return Optional.empty();
        }
        long[] lengths = lengths(map);
        List<Integer> pieces =
                new ArrayList<>(
                        IntStream.range(0, map.count())
                                .filter(p -> map.file(p) == file && lengths[p] > 0)
                                .boxed()
                                .toList());
        if (pieces.isEmpty()) {
            return Optional.empty();
        }
        Path path = cached.path();
        OwnFile own = null;
        try {
            own = new OwnFile(system, cached, address);
            Collections.shuffle(pieces, new Random(file));
            if (tryOut(map, pieces, own, cached)) {
                LOGGER.log(
                        System.Logger.Level.DEBUG,
                        "{0}: {1} read past the page cache, into memory of our own{2}{3}",
                        path,
                        everyToken ? "weights are" : "experts are",
                        memory.isHuge() ? ", in huge pages" : "",
                        memory.isLocked() ? ", locked" : "");
                return Optional.of(own);
            }
            refusal = "the page cache is as fast";
            LOGGER.log(
                    System.Logger.Level.DEBUG,
                    "{0}: weights stay in the page cache, because {1}",
                    path,
                    refusal);
        } catch (IOException e) {
            refusal = e.getMessage();
            LOGGER.log(
                    System.Logger.Level.WARNING,
                    "{0}: weights stay in the page cache, because {1}",
                    path,
                    refusal);
        }
        if (own != null) {
            own.close();
        }
        return Optional.empty();
    }

    /** Why the page cache is used; empty if it is not, or was asked for. */
    String refusal() {
        return refusal;
    }

    private boolean tryOut(PieceMap map, List<Integer> pieces, OwnFile own, MappedFile cached)
            throws IOException {
        long length = pieces.stream().mapToLong(map::ownLength).max().orElseThrow();
        long slot = (length + SlabMemory.HUGE - 1) / SlabMemory.HUGE * SlabMemory.HUGE;
        long slab = memory.take(THREADS * slot);
        boolean clear = choice == Choice.OWN || everyToken;
        try {
            int first = pieces.getFirst();
            own.check(slab, map.ownOffset(first), map.ownLength(first));
            if (clear || memory.isHuge() && length < SlabMemory.HUGE) {
                return true;
            }
            int each = Math.min(MOST_MEASURED, pieces.size() / 2);
            double direct =
                    seconds(
                            pieces.subList(0, each),
                            (piece, thread) -> {
                                long at = slab + thread * slot;
                                own.fill(at, map.ownOffset(piece), map.ownLength(piece));
                                own.evict(at, map.ownOffset(piece), map.ownLength(piece));
                            });
            double through =
                    seconds(
                            pieces.subList(each, 2 * each),
                            (piece, thread) -> {
                                cached.read(map.offset(piece), map.length(piece));
                                cached.drop(map.ownOffset(piece), map.ownLength(piece));
                            });
            return direct * ADVANTAGE <= through;
        } finally {
            memory.give(slab, THREADS * slot);
        }
    }

    private interface Reading {
        void read(int piece, int thread) throws IOException;
    }

    /** How long a piece takes on average, several at a time. */
    private static double seconds(List<Integer> pieces, Reading reading) throws IOException {
        AtomicInteger next = new AtomicInteger();
        IOException[] failure = new IOException[1];
        long start = System.nanoTime();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < THREADS; t++) {
            int thread = t;
            threads.add(
                    Thread.ofPlatform()
                            .start(
                                    () -> {
                                        int i = next.getAndIncrement();
                                        while (i < pieces.size()
                                                && System.nanoTime() - start < SECONDS * 1e9) {
                                            try {
                                                reading.read(pieces.get(i), thread);
                                            } catch (IOException e) {
                                                failure[0] = e;
                                                return;
                                            }
                                            i = next.getAndIncrement();
                                        }
                                    }));
        }
        boolean interrupted = false;
        for (Thread thread : threads) {
            while (thread.isAlive()) {
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        if (failure[0] != null) {
            throw failure[0];
        }
        int done = Math.min(next.get(), pieces.size());
        return (System.nanoTime() - start) / 1e9 / Math.max(1, done);
    }
}
