package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** The files of a model whose mappings are known. Not thread-safe. */
final class MappedFiles implements AutoCloseable {
    /** Number of tokens after which looked-up rows of embeddings are dropped: a page each. */
    private static final int ROWS_KEPT = 2048;

    private final PieceMap map;
    private final MappedFile[] files;
    private final OwnFile[] own;

    /** Addresses of the files' bytes 0. */
    private final long[] addresses;

    private int rowsLookedUp;

    MappedFiles(PieceMap map) {
        this.map = map;
        this.files = new MappedFile[map.weights().files().size()];
        this.own = new OwnFile[files.length];
        this.addresses = new long[files.length];
    }

    boolean isAttached(int file) {
        return files[file] != null;
    }

    /** Whether byte 0 of a file is at an address. */
    boolean isAt(int file, long address) {
        return isAttached(file) && addresses[file] == address;
    }

    /**
     * Where a file is mapped.
     *
     * @param address the address of its byte 0
     * @param probe an offset in it that is mapped
     */
    record Place(int file, long address, long probe) {}

    /**
     * Where those files are mapped that are not attached yet, as far as the system says. Of a file
     * that is mapped twice it is not known which mapping llama.cpp computes with.
     */
    List<Place> places() {
        List<Place> places = new ArrayList<>();
        for (int file = 0; file < files.length; file++) {
            OptionalLong probe = isAttached(file) ? OptionalLong.empty() : probe(file);
            if (probe.isEmpty()) {
                continue;
            }
            List<Long> addresses = MappedFile.places(map.weights().files().get(file));
            if (addresses.size() == 1) {
                places.add(new Place(file, addresses.getFirst(), probe.getAsLong()));
            }
        }
        return places;
    }

    /** The offset of a weight of a file that is computed with. */
    private OptionalLong probe(int file) {
        return map.weights().all().stream()
                .filter(w -> w.file() == file)
                .filter(w -> w.use() == Use.EVERY_TOKEN || w.use() == Use.EXPERTS)
                .mapToLong(Weight::offset)
                .findFirst();
    }

    /** A file by its number; null if its mapping is unknown. */
    MappedFile get(int file) {
        return files[file];
    }

    /** The file, if its pieces can be in the process's own memory; else null. */
    OwnFile own(int file) {
        return own[file];
    }

    /** Sets a file whose pieces can be in the process's own memory. */
    void own(int file, OwnFile mapped) {
        own[file] = mapped;
    }

    /**
     * Takes over a mapping.
     *
     * @param address the address of byte 0 of the file
     * @param probe an offset in the file that is mapped
     * @param stays tells whether a piece is to stay in memory
     * @throws IOException if the mapping can't be managed
     */
    void attach(int file, long address, long probe, IntPredicate stays) throws IOException {
        MappedFile mapped = MappedFile.of(map.weights().files().get(file), address, probe);
        int[] pieces =
                IntStream.range(0, map.count())
                        .filter(piece -> map.file(piece) == file)
                        .boxed()
                        .sorted(Comparator.comparingLong(map::offset))
                        .mapToInt(Integer::intValue)
                        .toArray();
        drop(mapped, Arrays.stream(pieces).filter(stays.negate()).toArray());
        long from = 0;
        long to = 0;
        for (int piece : pieces) {
            if (map.offset(piece) > to) {
                expect(mapped, from, to);
                from = map.offset(piece);
            }
            to = map.offset(piece) + map.length(piece);
        }
        expect(mapped, from, to);
        files[file] = mapped;
        addresses[file] = address;
    }

    /**
     * Drops pieces that are not to stay but may be in memory from earlier, in pages of any size.
     * Neighbours are dropped together, and with them as much of what is to stay as may be in the
     * same large page, which can only be dropped as a whole: else it would take RAM that the plan
     * gives to others.
     */
    private void drop(MappedFile mapped, int[] pieces) {
        long from = 0;
        long to = 0;
        for (int piece : pieces) {
            if (map.offset(piece) > to) {
                dropWidely(mapped, from, to);
                from = map.ownOffset(piece);
            }
            to = map.ownOffset(piece) + map.ownLength(piece);
        }
        dropWidely(mapped, from, to);
    }

    private static void dropWidely(MappedFile mapped, long from, long to) {
        if (from < to) {
            long first = from / MappedFile.HUGE_PAGE * MappedFile.HUGE_PAGE;
            long last = Math.ceilDiv(to, MappedFile.HUGE_PAGE) * MappedFile.HUGE_PAGE;
            mapped.drop(first, last - first);
        }
    }

    private static void expect(MappedFile mapped, long from, long to) throws IOException {
        if (from < to) {
            mapped.expect(from, to - from);
        }
    }

    /** Bytes read from mirrors so far. */
    long mirrorBytes() {
        return Arrays.stream(own).filter(Objects::nonNull).mapToLong(OwnFile::mirrorBytes).sum();
    }

    /**
     * Notes that rows of embeddings are looked up, which page faults bring in: a few kilobytes per
     * token. They are dropped from time to time, before all of them are in memory.
     */
    void lookedUp(int rows) {
        rowsLookedUp += rows;
        if (rowsLookedUp >= ROWS_KEPT) {
            rowsLookedUp = 0;
            dropRows();
        }
    }

    private void dropRows() {
        for (Weight weight : map.weights().all()) {
            MappedFile file = files[weight.file()];
            long from = (weight.offset() + map.unit() - 1) / map.unit() * map.unit();
            long to = weight.end() / map.unit() * map.unit();
            if (weight.use() == Use.ROWS && file != null && from < to) {
                file.drop(from, to - from);
            }
        }
    }

    /** Closes the files; the mappings belong to llama.cpp and stay. */
    @Override
    public void close() {
        List<MappedFile> attached = Arrays.stream(files).filter(Objects::nonNull).toList();
        attached.forEach(MappedFile::close);
        Arrays.stream(own).filter(Objects::nonNull).forEach(OwnFile::close);
    }
}
