package io.github.bigllama.internal.pieces;

import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.pagecache.MappedFile;
import io.github.bigllama.internal.pagecache.OwnPages;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * The files of a model, cut into pieces that are read and dropped as a whole. Immutable.
 *
 * <p>Weights that every token uses are cut at multiples of {@value #CUT} bytes of the file,
 * wherever tensors begin and end: that is the size of a huge page, in which the page cache then
 * works. A tensor of experts is cut into its slices. A slice is read with the pages that it shares
 * with its neighbours, and dropped without them: shared pages stay once they are there. Rows of
 * embeddings are not in any piece.
 */
public final class PieceMap {
    /** Bytes between two cuts. */
    public static final long CUT = MappedFile.HUGE_PAGE;

    private static final double GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

    private final Weights weights;

    /** The smallest number of bytes to read and drop: a page, or a block if that is larger. */
    private final long unit;

    private final int[] file;
    private final long[] offset;
    private final int[] length;
    private final long[] ownOffset;
    private final int[] ownLength;
    private final int[] first;
    private final int[] last;

    /** By slice: the weight that it is of. */
    private final int[] weightOf;

    private final int shared;
    private final int[] spread;

    /** A piece while it is being cut: all its pages, and those that it does not share. */
    private record Piece(int file, long offset, long end, long ownOffset, long ownEnd) {
        Piece withOwnEnd(long newEnd) {
            return new Piece(file, offset, end, ownOffset, newEnd);
        }
    }

    public PieceMap(Weights weights) {
        this(weights, OwnPages.pageSize());
    }

    /**
     * Cuts the files of a model.
     *
     * @param unit pieces begin at multiples of this number of bytes, a multiple of the page size
     */
    public PieceMap(Weights weights, long unit) {
        this.weights = weights;
        this.unit = unit;
        List<Weight> all = weights.all();
        List<Piece> pieces = new ArrayList<>();
        for (int f = 0; f < weights.files().size(); f++) {
            cutRuns(f, pieces);
        }
        shared = pieces.size();
        first = new int[all.size()];
        last = new int[all.size()];
        Arrays.fill(first, 0);
        Arrays.fill(last, -1);
        for (int w = 0; w < all.size(); w++) {
            Weight weight = all.get(w);
            if (weight.use() == Use.EVERY_TOKEN && weight.size() > 0) {
                first[w] = find(pieces, weight.file(), weight.offset());
                last[w] = find(pieces, weight.file(), weight.end() - 1);
            }
        }
        for (int w = 0; w < all.size(); w++) {
            if (all.get(w).use() == Use.EXPERTS) {
                first[w] = pieces.size();
                cutSlices(all.get(w), pieces);
                last[w] = pieces.size() - 1;
            }
        }
        file = pieces.stream().mapToInt(Piece::file).toArray();
        offset = pieces.stream().mapToLong(Piece::offset).toArray();
        length = pieces.stream().mapToInt(p -> Math.toIntExact(p.end - p.offset)).toArray();
        ownOffset = pieces.stream().mapToLong(Piece::ownOffset).toArray();
        ownLength =
                pieces.stream().mapToInt(p -> Math.toIntExact(p.ownEnd - p.ownOffset)).toArray();
        weightOf = new int[file.length - shared];
        for (int w = 0; w < all.size(); w++) {
            if (all.get(w).use() == Use.EXPERTS) {
                Arrays.fill(weightOf, first[w] - shared, last[w] + 1 - shared, w);
            }
        }
        spread = spread();
    }

    private int[] spread() {
        double[] position = new double[shared];
        int order = 0;
        for (int weight = 0; weight < weights.all().size(); weight++) {
            if (weights.all().get(weight).use() == Use.EVERY_TOKEN) {
                for (int piece = first[weight]; piece <= last[weight]; piece++) {
                    position[piece] = goldenPosition(order++);
                }
            }
        }
        return IntStream.range(0, shared)
                .boxed()
                .sorted(Comparator.comparingDouble(piece -> position[piece]))
                .mapToInt(Integer::intValue)
                .toArray();
    }

    /**
     * Steps of the golden ratio around a circle of length 1: any number of first steps are spread
     * evenly (the three-distance theorem), as are those in any part of the circle.
     */
    public static double goldenPosition(int step) {
        double position = step * GOLDEN_RATIO;
        return position - Math.floor(position);
    }

    /**
     * Joins neighbours in the file to runs, and cuts these at multiples of the unit of the file.
     */
    private void cutRuns(int f, List<Piece> pieces) {
        List<Weight> inFile =
                weights.all().stream()
                        .filter(w -> w.file() == f && w.size() > 0)
                        .sorted(Comparator.comparingLong(Weight::offset))
                        .toList();
        long end = 0;
        boolean interrupted = false;
        for (Weight weight : inFile) {
            if (weight.use() != Use.EVERY_TOKEN) {
                interrupted = true;
                continue;
            }
            long start = Math.max(end, down(weight.offset()));
            // Weights of another use in between share pages with the run.
            boolean continues = end > 0 && start == end && !interrupted;
            // A page in the middle of which the run begins or ends is shared.
            long ownStart = continues ? start : up(weight.offset());
            if (continues && start < up(weight.end())) {
                Piece before = pieces.getLast();
                pieces.set(pieces.size() - 1, before.withOwnEnd(before.end));
            }
            end = Math.max(end, up(weight.end()));
            while (start < end) {
                long cut = Math.min(end, (start / CUT + 1) * CUT);
                long ownEnd = cut == end ? down(weight.end()) : cut;
                Piece before = pieces.isEmpty() ? null : pieces.getLast();
                // The rest of a piece that the previous weight began.
                if (!interrupted
                        && before != null
                        && before.file == f
                        && before.end == start
                        && start % CUT != 0) {
                    pieces.set(
                            pieces.size() - 1,
                            new Piece(f, before.offset, cut, before.ownOffset, ownEnd));
                } else {
                    pieces.add(new Piece(f, start, cut, Math.min(ownStart, cut), ownEnd));
                }
                start = cut;
                ownStart = cut;
                interrupted = false;
            }
        }
        for (int i = 0; i < pieces.size(); i++) {
            Piece piece = pieces.get(i);
            pieces.set(i, piece.withOwnEnd(Math.max(piece.ownOffset, piece.ownEnd)));
        }
    }

    private void cutSlices(Weight weight, List<Piece> pieces) {
        for (int slice = 0; slice < weight.slices(); slice++) {
            long start = weight.offset() + slice * weight.sliceSize();
            long end = start + weight.sliceSize();
            pieces.add(
                    new Piece(
                            weight.file(),
                            down(start),
                            up(end),
                            up(start),
                            Math.max(up(start), down(end))));
        }
    }

    /** The piece of a run that contains a byte of a file. */
    private int find(List<Piece> pieces, int f, long position) {
        int low = 0;
        int high = shared - 1;
        while (low < high) {
            int middle = (low + high + 1) / 2;
            Piece piece = pieces.get(middle);
            boolean after = piece.file > f || piece.file == f && piece.offset > position;
            if (after) {
                high = middle - 1;
            } else {
                low = middle;
            }
        }
        return low;
    }

    private long down(long position) {
        return position / unit * unit;
    }

    private long up(long position) {
        return (position + unit - 1) / unit * unit;
    }

    public Weights weights() {
        return weights;
    }

    /** Number of pieces. */
    public int count() {
        return file.length;
    }

    /**
     * The number of pieces that every token uses, which come first; the others are slices of
     * experts.
     */
    public int everyTokenCount() {
        return shared;
    }

    /**
     * The pieces that every token uses, in an order of which any first part is spread evenly over
     * all layers, and which never changes: keeping a few more or fewer does not affect the others.
     */
    public int[] spreadEvenly() {
        return spread;
    }

    /** The file that a piece is in. */
    public int file(int piece) {
        return file[piece];
    }

    /** The start of a piece, in bytes from the start of the file, rounded down to whole pages. */
    public long offset(int piece) {
        return offset[piece];
    }

    /** Bytes of a piece; the last one may reach beyond the end of the file. */
    public int length(int piece) {
        return length[piece];
    }

    /** The start of the pages that a piece does not share. */
    public long ownOffset(int piece) {
        return ownOffset[piece];
    }

    /** Bytes of the pages that a piece does not share. */
    public int ownLength(int piece) {
        return ownLength[piece];
    }

    /** Pieces begin at multiples of this number of bytes. */
    public long unit() {
        return unit;
    }

    /** Bytes of pages that slices share, which stay: counted as one per slice. */
    public long sharedPages() {
        return (count() - shared) * unit;
    }

    /** How far from the start of its first page a slice begins, in bytes. */
    public long skew(int slice) {
        int weight = weightOf[slice - shared];
        Weight w = weights.all().get(weight);
        return w.offset() + (slice - first[weight]) * w.sliceSize() - offset[slice];
    }

    /** The first slice of the weight that a slice is of. */
    public int firstSibling(int slice) {
        return first[weightOf[slice - shared]];
    }

    /** Bytes of a slice, without the rest of its first and last pages. */
    public long sliceSize(int slice) {
        return weights.all().get(weightOf[slice - shared]).sliceSize();
    }

    /** The first piece of a weight. */
    public int first(int weight) {
        return first[weight];
    }

    /** The last piece of a weight; less than the first if it has none. */
    public int last(int weight) {
        return last[weight];
    }

    /** Whether a weight has any pieces. */
    public boolean hasPieces(int weight) {
        return last(weight) >= first(weight);
    }

    /** Total bytes of pieces. */
    public long size(int from, int to) {
        long size = 0;
        for (int piece = from; piece < to; piece++) {
            size += length[piece];
        }
        return size;
    }
}
