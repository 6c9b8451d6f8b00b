package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.RamBudget;
import io.github.bigllama.core.residency.Weights;
import io.github.bigllama.internal.arena.OwnMemory;
import io.github.bigllama.internal.pagecache.OwnPages;

/** Pagers for tests elsewhere. */
public final class Pagers {
    private Pagers() {}

    /** With experts in own memory, as on Linux. */
    public static Pager experts(Weights weights, RamBudget budget, OwnPages system) {
        return new Pager(weights, budget, new OwnMemory(OwnMemory.Choice.AUTO, system));
    }

    /** With all weights in own memory, as on macOS. */
    public static Pager own(Weights weights, RamBudget budget, OwnPages system) {
        return new Pager(weights, budget, new OwnMemory(OwnMemory.Choice.OWN, system));
    }
}
