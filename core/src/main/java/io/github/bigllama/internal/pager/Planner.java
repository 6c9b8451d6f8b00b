package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.internal.arena.OwnShares;
import io.github.bigllama.internal.arena.Slots;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.PlanRules;
import java.util.BitSet;
import java.util.OptionalLong;
import java.util.stream.IntStream;

/**
 * Makes new plans as RAM and the size of the window change, and has the pool carry them out.
 * Methods must be called with the lock of the pool held.
 */
final class Planner {
    private final PieceMap map;
    private final PiecePool pool;
    private final RamBudget budget;
    private final BitSet planned = new BitSet();
    private ResidencyPlan plan;
    private WindowControl control;
    private final ExpertSwitch byBytes;

    /** Whether what drafts read is kept, because the model drafts for itself. */
    private boolean drafting;

    /** Bytes by which own memory is smaller than planned, because the system needed them. */
    private long lowered;

    private OwnShares shares;

    /** What the memory is divided for. */
    private int tokens = 1;

    private boolean isWide;

    /**
     * Makes the first plan.
     *
     * @throws InsufficientRamException if there is too little RAM for any
     */
    Planner(PieceMap map, PiecePool pool, RamBudget budget) {
        this.map = map;
        this.pool = pool;
        this.budget = budget;
        byBytes = new ExpertSwitch(map.weights().activeSize());
        plan(budget.weightRam(0));
    }

    ResidencyPlan plan() {
        return plan;
    }

    /**
     * Bytes of RAM for weights now.
     *
     * @param untouched bytes of RAM that will be used for something else
     */
    long weightRam(long untouched) {
        // Own memory counts as RAM for weights.
        return budget.weightRam(untouched - pool.ownBytes());
    }

    /**
     * Makes a new plan if RAM has changed.
     *
     * @param untouched bytes of RAM that will be used for something else
     */
    void update(long untouched) {
        // Own memory counts as RAM for weights.
        OptionalLong changed = budget.changed(plan.weightRam(), untouched - pool.ownBytes());
        if (changed.isEmpty() && lowered > 0) {
            // The shortage is over.
            lowered = 0;
        }
        if (changed.isPresent()) {
            lowered = 0;
            plan(changed.getAsLong());
            return;
        }
        // A larger window is only useful for reading in order.
        long window = keepsEveryToken() ? plan.window() : control.next();
        if (window != plan.window() && PlanRules.must(map, window, drafting) <= plan.weightRam()) {
            plan(plan.weightRam(), window);
        }
    }

    /** The pieces of weights that every token uses which are to stay, in the order of the file. */
    IntStream kept() {
        return planned.stream();
    }

    /** Whether all weights that every token uses are kept. */
    boolean keepsEveryToken() {
        return plan.kept() >= map.size(0, map.everyTokenCount());
    }

    /** Adapts the size of the window to a pass. */
    void observe(PassStats pass) {
        control.observe(pass);
        byBytes.observe(pass, isWide);
    }

    /** Bytes that experts may keep in a pass that does not read all of them in order. */
    long mostExpertRoom() {
        return plan.experts() + PlanRules.expertWindow(map);
    }

    /** The size of the window for the current pass, in bytes. */
    long window() {
        return plan.window() + (isWide ? PlanRules.expertWindow(map) : predictedExperts());
    }

    /**
     * Bytes of the window for the experts that several tokens are predicted to choose, beyond those
     * of one token. They are in slots, which there are for all that are chosen: this takes no RAM.
     */
    private long predictedExperts() {
        if (tokens <= 1 || pool.slots() == null || !keepsEveryToken()) {
            return 0;
        }
        long further = PlanRules.layerBytes(map, tokens) - PlanRules.layerBytes(map, 1);
        return Math.min(PlanRules.expertWindow(map), further);
    }

    /** Whether a batch reads all experts in order, instead of those that its tokens choose. */
    boolean isWide(int tokens, ExpertPaging experts) {
        if (!map.weights().hasExperts() || tokens <= 1) {
            return false;
        }
        long most = PlanRules.layerBytes(map, tokens);
        return most > plan.window() + mostExpertRoom() / 2
                || byBytes.isWide(tokens, experts.missing(), experts.missing(tokens));
    }

    /**
     * Learns from the number of experts that a layer has chosen for a batch.
     *
     * @param expected the number if its tokens had chosen by chance
     */
    void chosen(int chosen, double expected) {
        byBytes.observe(chosen, expected);
    }

    /** Bytes of own memory that the plan has room for. */
    private long ownRoom() {
        // The window is for page tables, edges of slices and pages brought in by page faults.
        return Math.max(0, mostExpertRoom() - lowered);
    }

    /** Divides the memory among experts for a pass. */
    void divide(ExpertPaging experts, int newTokens, boolean wide) {
        tokens = newTokens;
        isWide = wide;
        divide(experts);
    }

    /** Divides the memory as before, when the plan or what is in slots has changed. */
    void divide(ExpertPaging experts) {
        Slots slots = pool.slots();
        if (slots == null) {
            experts.resize(0, isWide ? plan.experts() : mostExpertRoom());
            return;
        }
        long own = ownRoom();
        if (shares == null) {
            shares = new OwnShares(map, slots);
        }
        for (int k = 0; k < slots.classCount(); k++) {
            pool.resize(k, shares.everyToken(k, planned, plan.window()) + shares.experts(k, own));
            long count = slots.slots(k) - shares.everyTokenSlots(k, planned, plan.window());
            // Experts that pass through need slots too: at most all of a layer.
            long passing = isWide ? passing(k, count) : shares.inLayer(k, tokens);
            experts.resize(k, Math.max(0, count - passing) * slots.length(k));
        }
    }

    /** Slots for experts that are read in order: all of a weight have to be there at once. */
    private long passing(int k, long count) {
        double share = (double) PlanRules.expertWindow(map) / mostExpertRoom();
        return Math.max(shares.ofWeight(k), (long) Math.ceil(count * share));
    }

    /**
     * Bytes by which RAM is short of the plan, because other programs have taken it since.
     *
     * @return negative if there is more
     */
    long shortage() {
        return plan.weightRam() - lowered - budget.weightRam(-pool.ownBytes());
    }

    /**
     * Gives back own memory at once because the system is short of it, until there is enough again.
     *
     * @param bytes bytes to give back
     */
    void lower(long bytes, ExpertPaging experts) {
        lowered += Math.min(bytes, pool.ownBytes());
        divide(experts);
    }

    /**
     * Keeps what drafts read from now on, as long as there is enough RAM.
     *
     * @throws InsufficientRamException if there is too little
     */
    void keepDrafting() {
        if (!drafting) {
            drafting = true;
            plan(weightRam(0));
        }
        if (!drafting) {
            long least = PlanRules.must(map, plan.window(), true);
            throw new InsufficientRamException(plan.weightRam(), least).in(budget);
        }
    }

    /** Whether what drafts read is kept. */
    boolean isDrafting() {
        return drafting;
    }

    private void plan(long ram) {
        long window = PlanRules.workingWindow(map, ram);
        control = new WindowControl(window, PlanRules.leastWindow(map));
        plan(ram, window);
    }

    private void plan(long ram, long window) {
        BitSet keep = new BitSet();
        try {
            plan = PlanRules.plan(map, ram, window, drafting, keep);
        } catch (InsufficientRamException e) {
            if (!drafting) {
                throw e.in(budget);
            }
            drafting = false;
            plan(ram, window);
            return;
        }
        planned.clear();
        planned.or(keep);
        for (int piece = 0; piece < map.everyTokenCount(); piece++) {
            if (planned.get(piece)) {
                pool.pin(piece);
            } else if (pool.isPinned(piece)) {
                pool.unpin(piece);
                pool.release(piece);
            }
        }
    }
}
