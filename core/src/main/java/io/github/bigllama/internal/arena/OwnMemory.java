package io.github.bigllama.internal.arena;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pagecache.OwnPages;
import io.github.bigllama.internal.pagecache.ReadBatch;
import io.github.bigllama.internal.pagecache.SlabMemory;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Decides whether pieces of files are kept in the process's own memory or in the page cache: both
 * are tried when the mapping of a file is known, and measured if the better one is not obvious.
 */
public final class OwnMemory {
    private static final System.Logger LOGGER = System.getLogger(OwnMemory.class.getName());

    /** Chooses the memory for weights, instead of trying: see {@link Choice}. */
    private static final String PROPERTY = "bigllama.weights.memory";

    private static final int THREADS = 4;
    private static final int MOST_MEASURED = 48;
    private static final double SECONDS = 0.2;

    /** The least length of a row of slots, in weights. */
    private static final int ROW = 16;

    /**
     * Own memory is chosen unless the page cache is a tenth faster, because it takes less processor
     * time.
     */
    private static final double ADVANTAGE = 0.9;

    /** The kinds of choice. */
    public enum Choice {
        /** The better of both; only for experts where the page cache has large pages. */
        AUTO,
        /** Own memory for all weights, if possible. */
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

    /** By file: files with the same bytes on other disks. */
    private final List<List<Path>> mirrors;

    /** Why own memory is not used, or no longer. */
    private String refusal = "";

    public OwnMemory(Choice choice, OwnPages system) {
        this(choice, system, List.of());
    }

    /**
     * As wanted.
     *
     * @param mirrors of all files of a model, in their order, or none; what is read from them too
     *     can only be had in memory of our own
     */
    public OwnMemory(Choice choice, OwnPages system, List<Path> mirrors) {
        this.mirrors = mirrors.stream().map(List::of).toList();
        this.choice = choice;
        this.system = choice == Choice.PAGE_CACHE ? null : system;
        this.memory = system == null ? null : new SlabMemory(system);
        // On macOS the page cache can't be told to drop pages at once.
        boolean mac = System.getProperty("os.name").equals("Mac OS X");
        this.everyToken = choice == Choice.OWN || mac || !mirrors.isEmpty();
    }

    /** The choice for this system and the user's settings. */
    public static OwnMemory ofThisSystem(List<Path> mirrors) {
        Choice choice = Choice.ofProperty();
        try {
            return new OwnMemory(choice, OwnPages.ofThisSystem(), mirrors);
        } catch (IOException e) {
            return new OwnMemory(Choice.PAGE_CACHE, null);
        }
    }

    /**
     * Files with the same bytes must be readable into own memory.
     *
     * @throws IOException if that can't be done here, or is not wanted
     */
    public static void requireMirrors(List<Path> files, List<Path> mirrors) throws IOException {
        if (Choice.ofProperty() == Choice.PAGE_CACHE) {
            throw new IOException(
                    "what it has can't be read into the page cache of another file, and %s is page-cache"
                            .formatted(PROPERTY));
        }
        OwnPages system = OwnPages.ofThisSystem();
        for (Path file : files) {
            system.unit(file);
        }
        for (Path mirror : mirrors) {
            system.unit(mirror);
        }
    }

    /** The unit at multiples of which pieces must begin to be read into own memory. */
    public long unit(List<Path> files) {
        long unit = OwnPages.pageSize();
        List<Path> all = new ArrayList<>(system == null ? List.of() : files);
        if (system != null) {
            mirrors.forEach(all::addAll);
        }
        for (Path file : all) {
            try {
                unit = Math.max(unit, system.unit(file));
            } catch (IOException e) {
                refusal = e.getMessage();
            }
        }
        return unit;
    }

    /** What hands several reads to the system at once; null if there is no such thing. */
    public ReadBatch openBatch() {
        return system == null ? null : system.openBatch();
    }

    /**
     * Slots for the pieces of a model, without memory yet.
     *
     * @param bytes memory that experts will have
     * @throws IOException if the system does not reserve addresses
     */
    public Slots slots(PieceMap map, long bytes) throws IOException {
        return new Slots(
                lengths(map), rows(map, bytes), map.everyTokenCount(), memory, system.mostMoved());
    }

    /**
     * For batches of many tokens llama.cpp takes memory and time for all slots of a row between the
     * first and the last that it computes with, so that the slots of many weights are divided into
     * several rows. In each there must be room for all experts of a weight, for prompts: rows are
     * so long that this is a small part.
     */
    private static int[] rows(PieceMap map, long bytes) {
        int[] rows = new int[map.count()];
        double share = Math.min(1, (double) bytes / map.weights().size(Use.EXPERTS));
        int from = 1;
        for (List<Integer> alike : weightsBySize(map)) {
            int count = Math.max(1, (int) (share * alike.size() / ROW));
            for (int i = 0; i < alike.size(); i++) {
                int weight = alike.get(i);
                Arrays.fill(rows, map.first(weight), map.last(weight) + 1, from + i % count);
            }
            from += count;
        }
        return rows;
    }

    /** The weights with experts, those of one size together. */
    private static Collection<List<Integer>> weightsBySize(PieceMap map) {
        List<Weight> all = map.weights().all();
        return IntStream.range(0, all.size())
                .filter(weight -> all.get(weight).use() == Use.EXPERTS)
                .boxed()
                .collect(
                        Collectors.groupingBy(
                                weight -> all.get(weight).size(),
                                TreeMap::new,
                                Collectors.toList()))
                .values();
    }

    /**
     * Slices are computed with in their slots, so that their shared pages have to be there too; and
     * all slices of a weight need slots of one length.
     */
    private long[] lengths(PieceMap map) {
        long[] lengths = new long[map.count()];
        for (int piece = 0; piece < map.everyTokenCount(); piece++) {
            lengths[piece] = everyToken ? map.ownLength(piece) : 0;
        }
        for (int weight = 0; weight < map.weights().all().size(); weight++) {
            if (map.weights().all().get(weight).use() == Use.EXPERTS) {
                int first = map.first(weight);
                int end = map.last(weight) + 1;
                long longest = IntStream.range(first, end).mapToLong(map::length).max().orElse(0);
                Arrays.fill(lengths, first, end, longest);
            }
        }
        return lengths;
    }

    /** Whether the memory is in huge pages, which a disk fills at its full speed. */
    boolean isHuge() {
        return memory != null && memory.isHuge();
    }

    boolean isLocked() {
        return memory != null && memory.isLocked();
    }

    /**
     * Decides for a file.
     *
     * @param address the address of the mapping
     * @param cached the same file in the page cache
     * @return the file, if its pieces are to be in own memory
     */
    public Optional<OwnFile> attach(PieceMap map, int file, long address, MappedFile cached) {
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
            own =
                    new OwnFile(
                            system,
                            cached,
                            address,
                            mirrors.isEmpty() ? List.of() : mirrors.get(file));
            Collections.shuffle(pieces, new Random(file));
            if (tryOut(map, pieces, own, cached)) {
                LOGGER.log(
                        System.Logger.Level.DEBUG,
                        "{0}: {1} read past the page cache, into own memory{2}{3}",
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
                    mirrors.isEmpty() ? System.Logger.Level.INFO : System.Logger.Level.WARNING,
                    "{0}: weights stay in the page cache{1}, because {2}",
                    path,
                    mirrors.isEmpty() ? "" : ", and its mirror is not used",
                    refusal);
        }
        if (own != null) {
            own.close();
        }
        return Optional.empty();
    }

    /** Why the page cache is used; empty if it is not, or if the user chose it. */
    String refusal() {
        return refusal;
    }

    private boolean tryOut(PieceMap map, List<Integer> pieces, OwnFile own, MappedFile cached)
            throws IOException {
        long length = pieces.stream().mapToLong(map::length).max().orElseThrow();
        long slot = (length + SlabMemory.HUGE - 1) / SlabMemory.HUGE * SlabMemory.HUGE;
        try (SlabMemory.Range range = memory.reserve(THREADS * slot)) {
            range.take(0, THREADS * slot);
            long slab = range.address();
            check(map, pieces, own, slab);
            boolean clear = choice == Choice.OWN || everyToken;
            if (clear || memory.isHuge() && length < SlabMemory.HUGE) {
                return true;
            }
            int each = Math.min(MOST_MEASURED, pieces.size() / 2);
            double direct =
                    seconds(
                            pieces.subList(0, each),
                            (piece, thread) ->
                                    own.read(
                                            slab + thread * slot,
                                            map.offset(piece),
                                            map.length(piece),
                                            map.skew(piece) + map.sliceSize(piece)));
            double through =
                    seconds(
                            pieces.subList(each, 2 * each),
                            (piece, thread) -> {
                                cached.read(map.offset(piece), map.length(piece));
                                cached.drop(map.ownOffset(piece), map.ownLength(piece));
                            });
            return direct * ADVANTAGE <= through;
        }
    }

    private static void check(PieceMap map, List<Integer> pieces, OwnFile own, long slab)
            throws IOException {
        for (int piece : pieces) {
            if (piece < map.everyTokenCount()) {
                own.checkMoving(slab, map.ownOffset(piece), map.ownLength(piece));
                break;
            }
        }
        for (int piece : pieces) {
            if (piece >= map.everyTokenCount()) {
                long end = map.skew(piece) + map.sliceSize(piece);
                own.checkReading(slab, map.offset(piece), map.length(piece), end);
                break;
            }
        }
    }

    private interface Reading {
        void read(int piece, int thread) throws IOException;
    }

    /** The average seconds per piece, with several read at the same time. */
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
