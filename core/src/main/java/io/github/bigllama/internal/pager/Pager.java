package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.Residency;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.arena.OwnMemory;
import io.github.bigllama.internal.pager.WorkQueue.Activity;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.UseOrder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Carries out a {@link ResidencyPlan} on the mapping that llama.cpp made: brings weights into
 * memory before they are needed, and drops those that are not to stay.
 *
 * <p>There is one {@link Pass} at a time. The order of the first one is guessed from names; each
 * later one is expected to have the order of the one before. Weights are numbered as in {@link
 * Weights#all}.
 *
 * <p>The results of a computation do not change: weights that are not in memory when they are
 * touched are brought in by a page fault, as without the pager.
 */
// A hold is kept, not used.
@SuppressWarnings("try")
public final class Pager implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(Pager.class.getName());

    private final PieceMap map;
    private final Weights weights;
    private final MappedFiles files;
    private final PiecePool pool;
    private final Planner planner;
    private final ExpertPaging experts;
    private final UseOrder order;
    private final Readers readers;
    private final OwnWeights own;
    private final PassMeter meter;

    /** Where it is kept which experts are used most; null if nowhere. */
    private ExpertProfile profile;

    /** Held during a pass. */
    private final ReentrantLock turn = new ReentrantLock(true);

    /** The weights that are computed with now. */
    private final Segment segment;

    /**
     * Makes a plan and starts the readers.
     *
     * @param mirrors files with the same bytes as those of the model, in their order, to read from
     *     too; or none
     * @throws InsufficientRamException if there is too little RAM for any plan
     */
    public Pager(Weights weights, RamBudget budget, List<Path> mirrors) {
        this(weights, budget, OwnMemory.ofThisSystem(mirrors));
    }

    Pager(Weights weights, RamBudget budget, OwnMemory memory) {
        this.weights = weights;
        this.meter = new PassMeter(weights.loadedSize());
        map = new PieceMap(weights, memory.unit(weights.files()));
        files = new MappedFiles(map);
        pool = new PiecePool(map, files);
        experts = new ExpertPaging(map, pool, meter);
        order = new UseOrder(map);
        segment = new Segment(map, pool, experts, order, meter);
        try (Hold hold = pool.hold()) {
            planner = new Planner(map, pool, budget);
        }
        own = new OwnWeights(memory, map, files, pool, planner, experts);
        readers = new Readers(pool.dispatcher(), weights.hasExperts(), memory::openBatch);
    }

    /**
     * Reading from several files must be possible here.
     *
     * @throws IOException if it is not; it says why
     */
    public static void requireMirrors(List<Path> files, List<Path> mirrors) throws IOException {
        OwnMemory.requireMirrors(files, mirrors);
    }

    /**
     * Begins with the experts that a former process used most, and has those of this one known to
     * the next; before the first pass.
     */
    public void remember(ExpertProfile experience) {
        try (Hold hold = pool.hold()) {
            profile = experience;
            profile.read(experts.uses().length).ifPresent(experts::restore);
        }
    }

    /** What is in memory, and what passes cost. */
    public Residency residency() {
        return new PagerReport(map, pool, planner, experts, meter);
    }

    /** Bytes of RAM for weights, beside memory that will be used for something else. */
    public long weightRam(long untouched) {
        try (Hold hold = pool.hold()) {
            return planner.weightRam(untouched);
        }
    }

    /**
     * Leaves room for memory that will be used for something else: then the plan is the one of the
     * passes to come. During a pass nothing happens, because the next one sees it anyway.
     *
     * @throws InsufficientRamException if the RAM for weights has become too little
     */
    public void reserve(long untouched) {
        if (!turn.tryLock()) {
            return;
        }
        try (Hold hold = pool.hold()) {
            planner.update(untouched);
        } finally {
            turn.unlock();
        }
    }

    /**
     * Begins to read what is to stay, so that the first pass finds it in memory if there is time
     * until then; where the system says where the files are mapped. During a pass nothing happens.
     */
    public void warmUp() {
        if (!turn.tryLock()) {
            return;
        }
        try (Hold hold = pool.hold()) {
            files.places().forEach(this::attachIfPossible);
            pool.preload(
                    IntStream.concat(planner.kept(), Arrays.stream(experts.favourites()))
                            .toArray());
        } finally {
            turn.unlock();
        }
    }

    /** Takes over a mapping before a pass finds it; if that can't be done, the pass will say so. */
    private void attachIfPossible(MappedFiles.Place place) {
        try {
            attach(place.file(), place.address(), place.probe());
        } catch (IOException e) {
            LOGGER.log(
                    System.Logger.Level.DEBUG,
                    "{0}: {1}",
                    weights.files().get(place.file()),
                    e.getMessage());
        }
    }

    /**
     * Keeps from now on what the model's own drafts read: the layers that predict further tokens,
     * which page faults bring in, and the outputs.
     *
     * @throws InsufficientRamException if there is too little RAM for that
     */
    public void keepDrafting() {
        turn.lock();
        try (Hold hold = pool.hold()) {
            planner.keepDrafting();
        } finally {
            turn.unlock();
        }
    }

    /**
     * Drafts between two passes; waits while one is under way.
     *
     * @return the result; empty if what drafts read is no longer kept
     * @throws IOException if weights can no longer be read
     */
    public <T> Optional<T> draft(Supplier<T> computation) throws IOException, InterruptedException {
        turn.lockInterruptibly();
        try {
            try (Hold hold = pool.hold()) {
                if (!planner.isDrafting()) {
                    return Optional.empty();
                }
                if (!pool.isGivenUp()) {
                    pool.requireMapping();
                    segment.holdOutputs();
                }
            }
            return Optional.of(computation.get());
        } finally {
            try (Hold hold = pool.hold()) {
                segment.release();
            }
            turn.unlock();
        }
    }

    /** The weights, by number. */
    public Weights weights() {
        return weights;
    }

    /**
     * Tells the pager where a file is mapped, if it does not know.
     *
     * @param address the address of byte 0 of the file
     * @param probe an offset in the file that is mapped
     * @return whether it is mapped there, or nobody knows; a weight at another place is a copy
     * @throws IOException if the mapping can't be managed
     */
    public boolean attach(int file, long address, long probe) throws IOException {
        try (Hold hold = pool.hold()) {
            if (!pool.isGivenUp() && !files.isAttached(file)) {
                files.attach(file, address, probe, pool::isPinned);
                own.attach(file, address);
                experts.attached(order.isWide());
                pool.wake();
            }
            return pool.isGivenUp() || files.isAt(file, address);
        }
    }

    /** Gives back own memory, even in the middle of a pass; on any thread. */
    public void shrink(long bytes) {
        own.shrink(bytes);
    }

    /** Bytes of the process's own memory that hold weights, which are not pages of files. */
    public long ownBytes() {
        try (Hold hold = pool.hold()) {
            return pool.ownBytes();
        }
    }

    /**
     * Lets the system decide from now on what is in memory, because a mapping can't be managed.
     *
     * @param reason the reason, for the log
     */
    public void giveUp(String reason) {
        LOGGER.log(
                System.Logger.Level.WARNING,
                "{0}: the system decides which part of the model stays in RAM",
                reason);
        // Moves under way must end before the computation touches their places unannounced.
        try (Hold hold = pool.hold()) {
            pool.giveUp();
        }
    }

    /**
     * Begins a pass over the model; waits while another is under way.
     *
     * @param tokens number of tokens that the pass computes
     * @param untouched bytes of memory that the computation may take and has not touched yet
     * @throws InsufficientRamException if the RAM for weights has become too little
     */
    public Pass begin(int tokens, long untouched) throws InterruptedException {
        turn.lockInterruptibly();
        try (Hold hold = pool.hold()) {
            pool.clearFailure();
            planner.update(untouched);
            boolean isWide = planner.isWide(tokens, experts);
            planner.divide(experts, tokens, isWide);
            experts.begin(tokens, isWide);
            pool.window(planner.window());
            pool.schedule(order.begin(isWide));
            segment.clear();
            pool.activity(Activity.COMPUTING);
            meter.begin(tokens, pool.busyNanos());
            return new Pass(this, tokens, isWide, map, pool, planner, experts, segment);
        } catch (RuntimeException | Error e) {
            turn.unlock();
            throw e;
        }
    }

    /** Has the experts of a weight, which can't be used in slots, stay where they are mapped. */
    public void keepMapped(int weight) {
        LOGGER.log(
                System.Logger.Level.DEBUG,
                "{0}: the experts of {1} stay in the page cache, because they can''t be used in slots",
                weights.files().getFirst(),
                weights.all().get(weight).name());
        try (Hold hold = pool.hold()) {
            own.exclude(weight);
        }
    }

    /** Ends a pass; see {@link Pass#end}. */
    PassStats end(Pass pass, boolean complete) {
        try (Hold hold = pool.hold()) {
            segment.release();
            pool.noneBusy();
            pool.activity(Activity.NONE);
            if (!complete) {
                order.abandon();
                pool.releaseAll();
            } else if (order.end()) {
                pool.schedule(order.current());
                pool.releaseAll();
            }
            PassStats stats =
                    meter.end(
                            pool.bytesRead(),
                            files.mirrorBytes(),
                            pool.busyNanos(),
                            pool.presentBytes(),
                            pool.ownBytes());
            planner.observe(stats);
            files.lookedUp(pass.tokens());
            return stats;
        } finally {
            turn.unlock();
        }
    }

    /** Ends the readers. Weights in the page cache stay there. */
    @Override
    public void close() {
        readers.close();
        if (profile != null && Arrays.stream(experts.uses()).anyMatch(uses -> uses > 0)) {
            profile.write(experts.scores());
        }
        own.close();
        files.close();
    }
}
