package io.github.bigllama.internal.pager;

import io.github.bigllama.core.residency.PassStats;
import io.github.bigllama.core.residency.Residency;
import io.github.bigllama.core.residency.ResidencyMap;
import io.github.bigllama.core.residency.ResidencyPlan;
import io.github.bigllama.core.residency.ResidencyStats;
import io.github.bigllama.internal.pieces.PieceMap;
import java.util.Optional;

/**
 * What a {@link Pager} tells about itself. Thread-safe: each answer is read with the pool's lock.
 */
// A hold is kept, not used.
@SuppressWarnings("try")
record PagerReport(
        PieceMap pieces, PiecePool pool, Planner planner, ExpertPaging experts, PassMeter meter)
        implements Residency {
    @Override
    public ResidencyPlan plan() {
        try (Hold hold = pool.hold()) {
            return planner.plan();
        }
    }

    @Override
    public int[] expertUses() {
        try (Hold hold = pool.hold()) {
            return experts.uses();
        }
    }

    @Override
    public Optional<PassStats> lastPass() {
        try (Hold hold = pool.hold()) {
            return meter.last();
        }
    }

    @Override
    public ResidencyStats stats() {
        try (Hold hold = pool.hold()) {
            return meter.all();
        }
    }

    @Override
    public ResidencyMap map(int cells) {
        if (cells < 1) {
            throw new IllegalArgumentException("cells is " + cells + ", must be at least 1");
        }
        try (Hold hold = pool.hold()) {
            return new PiecePicture(pieces, pool).draw(cells);
        }
    }
}
