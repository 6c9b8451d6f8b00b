package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.Residency;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
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
 * <p>A pass over the model is a call of {@link #begin}, then for each weight in the order of use
 * {@link #use} before it is computed with and {@link #used} some time after, and {@link #end}.
 * There is one pass at a time: {@link #begin} waits for others. The order of the first pass is
 * guessed from names; each later pass is expected to have the order of the one before. Weights are
 * numbered as in {@link Weights#all}.
 *
 * <p>The results of a computation do not change: weights that are not in memory when they are
 * touched are brought in by a page fault, as without the pager.
 */
// A hold is kept, not used.
@SuppressWarnings("try")
public final class Pager implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(Pager.class.getName());

    /**
     * The most tokens of a batch whose experts may be predicted: with more, predicting takes long,
     * and most experts of a layer are chosen anyway.
     */
    public static final int MOST_PREDICTED = 32;

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

    /** The weights used since the last {@link #used}. */
    private final Segment segment;

    private int tokens;

    /** Whether nothing is managed any more, so that the kernel decides. */
    private volatile boolean givenUp;

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
        experts = new ExpertPaging(map, pool);
        order = new UseOrder(map);
        segment = new Segment(map, pool, experts, order, meter);
        try (PiecePool.Hold hold = pool.hold()) {
            planner = new Planner(map, pool, budget);
        }
        own = new OwnWeights(memory, map, files, pool, planner, experts);
        readers = new Readers(pool, weights.hasExperts(), memory::openBatch);
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
        try (PiecePool.Hold hold = pool.hold()) {
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
        try (PiecePool.Hold hold = pool.hold()) {
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
        try (PiecePool.Hold hold = pool.hold()) {
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
        try (PiecePool.Hold hold = pool.hold()) {
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
        try (PiecePool.Hold hold = pool.hold()) {
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
            try (PiecePool.Hold hold = pool.hold()) {
                if (!planner.isDrafting()) {
                    return Optional.empty();
                }
                if (!givenUp) {
                    pool.requireMapping();
                    segment.holdOutputs();
                }
            }
            return Optional.of(computation.get());
        } finally {
            try (PiecePool.Hold hold = pool.hold()) {
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
        try (PiecePool.Hold hold = pool.hold()) {
            if (!givenUp && !files.isAttached(file)) {
                files.attach(file, address, probe, pool::isPinned);
                own.attach(file, address);
                experts.attached(order.isWide());
                pool.wake();
            }
            return givenUp || files.isAt(file, address);
        }
    }

    /** Gives back own memory, even in the middle of a pass; on any thread. */
    public void shrink(long bytes) {
        own.shrink(bytes);
    }

    /** Bytes of the process's own memory that hold weights, which are not pages of files. */
    public long ownBytes() {
        try (PiecePool.Hold hold = pool.hold()) {
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
        try (PiecePool.Hold hold = pool.hold()) {
            pool.giveUp();
            givenUp = true;
        }
    }

    /**
     * Begins a pass over the model; waits while another is under way.
     *
     * @param newTokens number of tokens that the pass computes
     * @param untouched bytes of memory that the computation may take and has not touched yet
     * @throws InsufficientRamException if the RAM for weights has become too little
     */
    public void begin(int newTokens, long untouched) throws InterruptedException {
        turn.lockInterruptibly();
        try (PiecePool.Hold hold = pool.hold()) {
            pool.clearFailure();
            tokens = newTokens;
            planner.update(untouched);
            boolean isWide = planner.isWide(tokens, experts);
            planner.divide(experts, tokens, isWide);
            experts.begin(tokens, isWide);
            pool.window(planner.window());
            pool.schedule(order.begin(isWide));
            segment.clear();
            pool.activity(Activity.COMPUTING);
            meter.begin(tokens, pool.busyNanos());
        } catch (RuntimeException | Error e) {
            turn.unlock();
            throw e;
        }
    }

    /** Whether the current pass reads all experts in order, whatever the routing. */
    public boolean isWide() {
        try (PiecePool.Hold hold = pool.hold()) {
            return order.isWide();
        }
    }

    /**
     * Whether predictions of experts are of use in the current pass: some experts have to be read,
     * routers don't, and there are at most {@link #MOST_PREDICTED} tokens.
     */
    public boolean wantsPredictions() {
        try (PiecePool.Hold hold = pool.hold()) {
            return !order.isWide()
                    && tokens <= MOST_PREDICTED
                    && planner.keepsEveryToken()
                    && experts.areMissing();
        }
    }

    /**
     * Notes the experts that a layer has chosen: missing ones are read at once, unless the pass
     * reads all of them in order.
     *
     * @param choices those of each token
     */
    public void routed(int layer, int[] choices) {
        int[] chosen = tokens == 1 ? choices : Arrays.stream(choices).distinct().toArray();
        try (PiecePool.Hold hold = pool.hold()) {
            if (givenUp) {
                return;
            }
            double expected = tokens > 1 ? experts.expected(layer, tokens) : 0;
            if (expected > 0) {
                planner.chosen(chosen.length, expected);
            }
            experts.count(layer, choices);
            if (!order.isWide()) {
                experts.route(layer, chosen, meter);
            }
        }
    }

    /** Notes experts that a layer is likely to choose: missing ones are read when there is time. */
    public void predicted(int layer, int[] likely) {
        try (PiecePool.Hold hold = pool.hold()) {
            if (!givenUp) {
                experts.predict(layer, likely);
            }
        }
    }

    /**
     * Returns when a weight is in memory.
     *
     * @return whether {@link #used} should be called right after the computation with it
     * @throws IOException if it can't be read
     */
    public boolean use(int weight) throws IOException, InterruptedException {
        Weight w = weights.all().get(weight);
        if (givenUp || w.use() == Use.ROWS || map.last(weight) < map.first(weight)) {
            return false;
        }
        try (PiecePool.Hold hold = pool.hold()) {
            pool.requireMapping();
            boolean isMuch = segment.use(weight) >= planner.plan().window() / 4;
            // The next weight of experts needs the same slots.
            return isMuch || order.isWide() && w.use() == Use.EXPERTS;
        }
    }

    /**
     * Tells where the chosen experts of a weight are, after {@link #use} of it.
     *
     * @param choices those of each token
     * @return null if some are only where the file is mapped: then all have to be used there
     */
    public ExpertSlots slots(int weight, int[] choices) {
        try (PiecePool.Hold hold = pool.hold()) {
            return givenUp ? null : segment.slots(weight, choices);
        }
    }

    /** Has the experts of a weight, which can't be used in slots, stay where they are mapped. */
    public void keepMapped(int weight) {
        LOGGER.log(
                System.Logger.Level.DEBUG,
                "{0}: the experts of {1} stay in the page cache, because they can''t be used in slots",
                weights.files().getFirst(),
                weights.all().get(weight).name());
        try (PiecePool.Hold hold = pool.hold()) {
            own.exclude(weight);
        }
    }

    /**
     * Announces that rows of a weight will be looked up: until {@link #used} no part of it is
     * moved, and missing pages are brought in by page faults.
     *
     * @throws IOException if weights can no longer be read
     */
    public void lookUp(int weight) throws IOException, InterruptedException {
        if (givenUp || map.last(weight) < map.first(weight)) {
            return;
        }
        try (PiecePool.Hold hold = pool.hold()) {
            pool.requireMapping();
            segment.hold(weight);
        }
    }

    /** Notes that all weights that {@link #use} was called for have been computed with. */
    public void used() {
        try (PiecePool.Hold hold = pool.hold()) {
            segment.release();
        }
    }

    /**
     * Ends a pass.
     *
     * @param complete whether the pass came to its end
     * @return what the pass read and how long it waited
     */
    public PassStats end(boolean complete) {
        try (PiecePool.Hold hold = pool.hold()) {
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
            files.lookedUp(tokens);
            return stats;
        } finally {
            turn.unlock();
        }
    }

    /** The part of the current pass that is done, 0 to 1. */
    public double progress() {
        try (PiecePool.Hold hold = pool.hold()) {
            return order.current().progress();
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
