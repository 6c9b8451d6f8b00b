package io.github.bigllama.internal.pager;

import io.github.bigllama.internal.arena.OwnMemory;
import io.github.bigllama.internal.arena.Slots;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pieces.PieceMap;
import java.io.IOException;

/**
 * The weights in the process's own memory, of the files where that is better than the page cache.
 * While the system is short of memory, some of it is given back. Methods that are not said to be
 * for any thread must be called with the lock of the pool held.
 */
// A hold is kept, not used.
@SuppressWarnings("try")
final class OwnWeights implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(OwnWeights.class.getName());

    private final OwnMemory memory;
    private final PieceMap map;
    private final MappedFiles files;
    private final PiecePool pool;
    private final Planner planner;
    private final ExpertPaging experts;

    /** Watches the RAM from the first file on; null before. */
    private PressureWatch watch;

    OwnWeights(
            OwnMemory memory,
            PieceMap map,
            MappedFiles files,
            PiecePool pool,
            Planner planner,
            ExpertPaging experts) {
        this.memory = memory;
        this.map = map;
        this.files = files;
        this.pool = pool;
        this.planner = planner;
        this.experts = experts;
    }

    /**
     * Has the weights of a file come into own memory from now on, if that is better.
     *
     * @param address the address of byte 0 of the file
     */
    void attach(int file, long address) {
        memory.attach(map, file, address, files.get(file)).ifPresent(own -> attach(file, own));
    }

    private void attach(int file, OwnFile own) {
        if (pool.slots() == null) {
            Slots slots;
            try {
                slots = memory.slots(map, planner.mostExpertRoom());
            } catch (IOException e) {
                LOGGER.log(
                        System.Logger.Level.WARNING,
                        "{0}: weights stay in the page cache, because {1}",
                        own.path(),
                        e.getMessage());
                own.close();
                return;
            }
            pool.slots(slots);
            experts.divide(slots);
            planner.divide(experts);
            watch = new PressureWatch(this::shortage, this::shrink);
        }
        files.own(file, own);
    }

    private long shortage() {
        try (Hold hold = pool.hold()) {
            return pool.ownBytes() == 0 ? 0 : planner.shortage();
        }
    }

    /** Gives back own memory, even in the middle of a pass; on any thread. */
    void shrink(long bytes) {
        try (Hold hold = pool.hold()) {
            planner.lower(bytes, experts);
        }
    }

    /** Has a weight stay in the page cache from now on. */
    void exclude(int weight) {
        if (pool.slots() != null) {
            for (int piece = map.first(weight); piece <= map.last(weight); piece++) {
                pool.exclude(piece);
            }
        }
    }

    /** Frees the memory, when no reader uses it any more; without the lock. */
    @Override
    public void close() {
        if (watch != null) {
            watch.close();
            pool.slots().close();
        }
    }
}
