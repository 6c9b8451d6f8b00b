package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.InsufficientRamException;
import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.ResidencyPlan;
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

    /**
     * Makes the first plan.
     *
     * @throws InsufficientRamException if there is too little RAM for any
     */
    Planner(PieceMap map, PiecePool pool, RamBudget budget) {
        this.map = map;
        this.pool = pool;
        this.budget = budget;
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
        OptionalLong changed = budget.changed(plan.weightRam(), untouched);
        if (changed.isPresent()) {
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

    /** Whether a batch is likely to use most experts of a layer: then all are read in order. */
    boolean isWide(int tokens) {
        return map.weights().hasExperts()
                && tokens > 1
                && tokens * PlanRules.leastWindow(map) > plan.window();
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
