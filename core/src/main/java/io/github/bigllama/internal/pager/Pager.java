package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.pagecache.OwnFile;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.UseOrder;
import java.io.IOException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Carries out a {@link ResidencyPlan} on the mapping that llama.cpp made: has the weights that are
 * computed next in memory when they are needed, and lets those go that are not to stay.
 *
 * <p>A pass over the model is a call of {@link #begin}, then for each weight in the order of use
 * {@link #use} before it is computed with and {@link #used} some time after, and {@link #end}. One
 * pass at a time: {@link #begin} waits for others. The order of the first pass is a guess by names;
 * that of each later pass is the order of the one before. Weights are numbered as in {@link
 * Weights#all}.
 *
 * <p>Nothing here changes what is computed: what is not in memory when it is touched comes by a
 * page fault, as it would without.
 */
// A hold is kept, not used.
@SuppressWarnings("try")
public final class Pager implements AutoCloseable {
    private static final System.Logger LOGGER = System.getLogger(Pager.class.getName());

    /** Tokens after which rows of embeddings that were looked up are dropped: a page each. */
    private static final int ROWS_KEPT = 2048;

    private final PieceMap map;
    private final Weights weights;
    private final MappedFiles files;
    private final PiecePool pool;
    private final Planner planner;
    private final ExpertPaging experts;
    private final UseOrder order;
    private final Readers readers;
    private final OwnMemory own;
    private final PassMeter meter = new PassMeter();

    /** Held during a pass. */
    private final ReentrantLock turn = new ReentrantLock(true);

    /** What has been computed with since the last {@link #used}. */
    private final Segment segment;

    private int rowsLookedUp;

    private int tokens;

    /** Watches as long as there is memory of our own. */
    private PressureWatch watch;

    /** Nothing is managed any more: the kernel decides, as it does without. */
    private volatile boolean givenUp;

    /**
     * Plans and starts the readers.
     *
     * @throws InsufficientRamException if there is too little RAM for any plan
     */
    public Pager(Weights weights, RamBudget budget) {
        this(weights, budget, OwnMemory.ofThisSystem());
    }

    Pager(Weights weights, RamBudget budget, OwnMemory own) {
        this.weights = weights;
        this.own = own;
        map = new PieceMap(weights, own.unit(weights.files()));
        files = new MappedFiles(map);
        pool = new PiecePool(map, files);
        experts = new ExpertPaging(map, pool);
        order = new UseOrder(map);
        segment = new Segment(map, pool, experts, order, meter);
        try (PiecePool.Hold hold = pool.hold()) {
            planner = new Planner(map, pool, budget);
        }
        readers = new Readers(pool, weights.hasExperts());
    }

    /** What is kept and what is read for a token now. */
    public ResidencyPlan plan() {
        try (PiecePool.Hold hold = pool.hold()) {
            return planner.plan();
        }
    }

    /** The weights, by number. */
    public Weights weights() {
        return weights;
    }

    /** Whether the mapping of a file is known. */
    public boolean isAttached(int file) {
        try (PiecePool.Hold hold = pool.hold()) {
            return files.get(file) != null;
        }
    }

    /**
     * Says where a file is mapped.
     *
     * @param address the address of its byte 0
     * @param probe a byte of it that is mapped
     * @throws IOException if nothing can be done with that mapping
     */
    public void attach(int file, long address, long probe) throws IOException {
        try (PiecePool.Hold hold = pool.hold()) {
            files.attach(file, address, probe, pool::isKept);
            own.attach(map, file, address, files.get(file)).ifPresent(f -> attachOwn(file, f));
            pool.wake();
        }
    }

    private void attachOwn(int file, OwnFile mapped) {
        files.own(file, mapped);
        if (pool.slots() == null) {
            Slots slots = own.slots(map);
            pool.slots(slots);
            experts.divide(slots);
            planner.divide(experts, tokens, order.isWide());
            watch = new PressureWatch(this::shortage, this::shrink);
        }
    }

    private long shortage() {
        try (PiecePool.Hold hold = pool.hold()) {
            return pool.ownBytes() == 0 ? 0 : planner.shortage();
        }
    }

    /** Memory of our own has to go, in the middle of a pass too; on any thread. */
    public void shrink(long bytes) {
        try (PiecePool.Hold hold = pool.hold()) {
            planner.lower(bytes, experts);
        }
    }

    /** Bytes of memory of this process that hold weights, and are not pages of files. */
    public long ownBytes() {
        try (PiecePool.Hold hold = pool.hold()) {
            return pool.ownBytes();
        }
    }

    /**
     * Leaves it to the system from now on what is in memory, because nothing can be done with a
     * mapping.
     *
     * @param reason why, for the log
     */
    public void giveUp(String reason) {
        LOGGER.log(
                System.Logger.Level.WARNING,
                "{0}: the system decides what of the model stays in RAM",
                reason);
        // What moves must have come to its place before anyone touches it unasked.
        try (PiecePool.Hold hold = pool.hold()) {
            pool.giveUp();
            givenUp = true;
        }
    }

    /**
     * Begins a pass over the model; waits while another is under way.
     *
     * @param newTokens how many tokens it computes
     * @param untouched bytes of memory that the computation may take and has not touched yet
     * @throws InsufficientRamException if the RAM for weights has become too little
     */
    public void begin(int newTokens, long untouched) throws InterruptedException {
        turn.lockInterruptibly();
        try (PiecePool.Hold hold = pool.hold()) {
            pool.clearFailure();
            tokens = newTokens;
            planner.update(untouched);
            boolean isWide = planner.isWide(tokens);
            planner.divide(experts, tokens, isWide);
            experts.begin(tokens, isWide);
            pool.window(planner.window(isWide));
            pool.schedule(order.begin(isWide));
            rowsLookedUp += tokens;
            segment.clear();
            pool.computing(true);
            meter.begin(tokens, pool.busyNanos());
        } catch (RuntimeException | Error e) {
            turn.unlock();
            throw e;
        }
    }

    /** Whether the pass under way reads all experts in order, and routing does not matter. */
    public boolean isWide() {
        try (PiecePool.Hold hold = pool.hold()) {
            return order.isWide();
        }
    }

    /** Whether all that every token uses stays in memory. */
    public boolean keepsEveryToken() {
        try (PiecePool.Hold hold = pool.hold()) {
            return planner.keepsEveryToken();
        }
    }

    /** A layer has chosen experts: those that are missing are read at once. */
    public void routed(int layer, int[] chosen) {
        try (PiecePool.Hold hold = pool.hold()) {
            if (!givenUp) {
                experts.route(layer, chosen, meter);
                planner.chosen(tokens, chosen.length);
            }
        }
    }

    /** A layer is likely to choose experts: what is missing of them is read when there is time. */
    public void foreseen(int layer, int[] likely) {
        try (PiecePool.Hold hold = pool.hold()) {
            if (!givenUp) {
                experts.foresee(layer, likely);
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
            // Such as the frequencies of RoPE, which each layer uses: a few kilobytes.
            boolean isSmallAndShared = w.layer() == Weight.BEFORE_LAYERS && w.size() < PieceMap.CUT;
            if (isSmallAndShared && order.hasSeen(weight)) {
                segment.hold(weight);
                return false;
            }
            return segment.add(weight) >= planner.plan().window() / 4;
        }
    }

    /**
     * Rows of a weight are about to be looked up: until {@link #used} nothing of it moves, and what
     * is not in memory comes by page faults.
     *
     * @throws IOException if weights can't be had any more
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

    /** All that {@link #use} was called for has been computed with. */
    public void used() {
        try (PiecePool.Hold hold = pool.hold()) {
            segment.release();
        }
    }

    /**
     * Ends a pass.
     *
     * @param complete whether it came to its end
     * @return what it read and how long it waited
     */
    public PassStats end(boolean complete) {
        try (PiecePool.Hold hold = pool.hold()) {
            segment.release();
            pool.noneBusy();
            pool.computing(false);
            if (!complete) {
                order.abandon();
                releaseAll();
            } else if (order.end()) {
                pool.schedule(order.current());
                releaseAll();
            }
            PassStats stats =
                    meter.end(
                            pool.bytesRead(),
                            pool.busyNanos(),
                            pool.presentBytes(),
                            pool.ownBytes());
            planner.observe(stats);
            dropRows();
            return stats;
        } finally {
            turn.unlock();
        }
    }

    /** What was read ahead is of no use. */
    private void releaseAll() {
        for (int piece = 0; piece < map.count(); piece++) {
            pool.release(piece);
        }
    }

    /**
     * Rows of embeddings came by page faults, a few kilobytes a token; in the end it is all of
     * them.
     */
    private void dropRows() {
        if (rowsLookedUp < ROWS_KEPT) {
            return;
        }
        rowsLookedUp = 0;
        files.dropRows();
    }

    /**
     * How often each expert was chosen by single tokens, layer after layer; empty for a dense
     * model.
     */
    public int[] expertUses() {
        try (PiecePool.Hold hold = pool.hold()) {
            return experts.uses();
        }
    }

    /** How much of the pass under way is done, 0 to 1. */
    public double progress() {
        try (PiecePool.Hold hold = pool.hold()) {
            return order.current().progress();
        }
    }

    /** Ends the readers. What is in memory stays in the page cache. */
    @Override
    public void close() {
        if (watch != null) {
            watch.close();
        }
        readers.close();
        if (pool.slots() != null) {
            pool.slots().close();
        }
        files.close();
    }
}
