package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Objects;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/** The files of a model, as far as it is known where they are mapped. Not thread-safe. */
final class MappedFiles implements AutoCloseable {
    private final PieceMap map;
    private final MappedFile[] files;
    private final OwnFile[] own;

    MappedFiles(PieceMap map) {
        this.map = map;
        this.files = new MappedFile[map.weights().files().size()];
        this.own = new OwnFile[files.length];
    }

    /** A file by its number; null if it is not known where it is mapped. */
    MappedFile get(int file) {
        return files[file];
    }

    /** The same file, if its pieces can be in memory of our own; else null. */
    OwnFile own(int file) {
        return own[file];
    }

    /** Pieces of a file can be in memory of our own. */
    void own(int file, OwnFile mapped) {
        own[file] = mapped;
    }

    /**
     * Takes over a mapping.
     *
     * @param address the address of byte 0 of the file
     * @param probe a byte of it that is mapped
     * @param stays whether a piece is to stay in memory
     * @throws IOException if nothing can be done with that mapping
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
    }

    /**
     * What may be there of what is not to stay goes: nobody knows that it is there, and it is in
     * pages of any size. Neighbours go together, because a large page goes only as a whole.
     */
    private void drop(MappedFile mapped, int[] pieces) {
        long from = 0;
        long to = 0;
        for (int piece : pieces) {
            if (map.offset(piece) > to) {
                mapped.drop(from, to - from);
                from = map.ownOffset(piece);
            }
            to = map.ownOffset(piece) + map.ownLength(piece);
        }
        mapped.drop(from, to - from);
    }

    private static void expect(MappedFile mapped, long from, long to) throws IOException {
        if (from < to) {
            mapped.expect(from, to - from);
        }
    }

    /** Drops embeddings: their rows came by page faults. */
    void dropRows() {
        for (Weight weight : map.weights().all()) {
            MappedFile file = files[weight.file()];
            long from = (weight.offset() + map.unit() - 1) / map.unit() * map.unit();
            long to = weight.end() / map.unit() * map.unit();
            if (weight.use() == Use.ROWS && file != null && from < to) {
                file.drop(from, to - from);
            }
        }
    }

    /** Lets go of the files; the mappings are llama.cpp's and stay. */
    @Override
    public void close() {
        List<MappedFile> attached = Arrays.stream(files).filter(Objects::nonNull).toList();
        attached.forEach(MappedFile::close);
        Arrays.stream(own).filter(Objects::nonNull).forEach(OwnFile::close);
    }
}
