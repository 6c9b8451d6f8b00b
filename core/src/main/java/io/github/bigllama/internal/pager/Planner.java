package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.internal.pieces.PieceMap;
import io.github.bigllama.internal.pieces.PlanRules;
import java.util.BitSet;
import java.util.OptionalLong;

/**
 * Makes plans as RAM and the needs of the window change, and has the pool keep what they say. Its
 * methods are called with the lock of the pool held.
 */
final class Planner {
    private final PieceMap map;
    private final PiecePool pool;
    private final RamBudget budget;
    private final BitSet planned = new BitSet();
    private ResidencyPlan plan;
    private WindowControl control;
    private final ExpertSwitch byBytes;

    /** Bytes less of memory of our own than the plan has, because the system needed them. */
    private long lowered;

    private OwnShares shares;

    /**
     * Makes the first plan.
     *
     * @throws InsufficientRamException if there is too little RAM for any
     */
    Planner(PieceMap map, PiecePool pool, RamBudget budget) {
        this.map = map;
        this.pool = pool;
        this.budget = budget;
        byBytes = new ExpertSwitch(map.weights());
        plan(budget.weightRam(0));
    }

    ResidencyPlan plan() {
        return plan;
    }

    /**
     * Looks whether the plan still holds.
     *
     * @param untouched bytes of RAM that are going to be used for something else
     */
    void update(long untouched) {
        // Memory of our own is no one else's.
        OptionalLong changed = budget.changed(plan.weightRam(), untouched - pool.ownBytes());
        if (changed.isEmpty() && lowered > 0) {
            // What was short is there again.
            lowered = 0;
        }
        if (changed.isPresent()) {
            lowered = 0;
            plan(changed.getAsLong());
            return;
        }
        // Where nothing is read in order, a larger window gains nothing.
        long window = keepsEveryToken() ? plan.window() : control.next();
        if (window != plan.window() && PlanRules.must(map, window) <= plan.weightRam()) {
            plan(plan.weightRam(), window);
        }
    }

    /** Whether all that every token uses stays. */
    boolean keepsEveryToken() {
        return plan.kept() >= map.size(0, map.everyTokenCount());
    }

    /** Learns from a pass how large the window should be. */
    void observe(PassStats pass) {
        control.observe(pass);
        byBytes.observe(pass);
    }

    /** Bytes that experts may take: beside a pass that reads all of them in order, or not. */
    long expertRoom(boolean isWide) {
        if (!map.weights().hasExperts()) {
            return 0;
        }
        return plan.experts() + (isWide ? 0 : PlanRules.expertWindow(map));
    }

    /** Bytes that may be on their way. */
    long window(boolean isWide) {
        return plan.window() + (isWide ? PlanRules.expertWindow(map) : 0);
    }

    /** Whether a batch reads all experts in order, or those that its tokens choose. */
    boolean isWide(int tokens) {
        if (!map.weights().hasExperts() || tokens <= 1) {
            return false;
        }
        long most = PlanRules.layerBytes(map, tokens);
        if (most > plan.window() + expertRoom(false) / 2) {
            return true;
        }
        long all = map.size(map.everyTokenCount(), map.count());
        double missing = all == 0 ? 0 : 1 - Math.min(1, (double) expertRoom(false) / all);
        return byBytes.isWide(tokens, missing);
    }

    /** A layer has chosen experts for a batch. */
    void chosen(int tokens, int experts) {
        byBytes.observe(tokens, experts);
    }

    /** Bytes of memory of our own that the plan has room for. */
    private long ownRoom() {
        long room = plan.experts() + PlanRules.expertWindow(map);
        // The window is for page tables, edges of slices and whatever comes by page faults.
        return Math.max(0, room - lowered);
    }

    /** Divides the room for experts for a pass. */
    void divide(ExpertPaging experts, int tokens, boolean isWide) {
        Slots slots = pool.slots();
        if (slots == null) {
            experts.resize(0, expertRoom(isWide));
            return;
        }
        long own = ownRoom();
        if (shares == null) {
            shares = new OwnShares(map, slots);
        }
        for (int k = 0; k < slots.classCount(); k++) {
            pool.resize(k, shares.everyToken(k, planned, plan.window()) + shares.experts(k, own));
            long count = slots.slots(k) - shares.everyTokenSlots(k, planned, plan.window());
            // What passes through needs slots too: all experts of a layer, at the most.
            long passing =
                    isWide
                            ? (long)
                                    Math.ceil(
                                            count
                                                    * (1
                                                            - (double) plan.experts()
                                                                    / Math.max(1, own)))
                            : shares.inLayer(k, tokens);
            experts.resize(k, Math.max(0, count - passing) * shares.largest(k));
        }
    }

    /**
     * Bytes that are missing for what the plan has, because others have taken them since.
     *
     * @return negative if there are more
     */
    long shortage() {
        return plan.weightRam() - lowered - budget.weightRam(-pool.ownBytes());
    }

    /**
     * The system is short of memory: some of ours goes at once, and comes back when there is
     * enough.
     *
     * @param bytes how much
     */
    void lower(long bytes, ExpertPaging experts) {
        lowered += Math.min(bytes, pool.ownBytes());
        divide(experts, 1, false);
    }

    private void plan(long ram) {
        long window = PlanRules.workingWindow(map, ram);
        control = new WindowControl(window, PlanRules.leastWindow(map));
        plan(ram, window);
    }

    private void plan(long ram, long window) {
        plan = PlanRules.plan(map, ram, window, planned);
        for (int piece = 0; piece < map.everyTokenCount(); piece++) {
            if (planned.get(piece)) {
                pool.keep(piece);
            } else if (pool.isKept(piece)) {
                pool.unkeep(piece);
                pool.release(piece);
            }
        }
    }
}
