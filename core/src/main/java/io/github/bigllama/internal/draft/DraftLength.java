package io.github.bigllama.internal.draft;

/**
 * Chooses how many tokens to draft for the next pass: as many as give the most tokens per second,
 * from how often drafts were right and how long passes over several tokens took. If a drafted token
 * is right with probability {@code p}, {@code k} drafted tokens give {@code 1 + p + … + p^k}
 * tokens; see Leviathan et al., "Fast Inference from Transformers via Speculative Decoding",
 * section 3.1. Not thread-safe.
 */
public final class DraftLength {
    /** Most tokens of a draft. */
    public static final int MOST = 16;

    /** The weight of the last measurement in an average. */
    private static final double NEWS = 0.25;

    /** The factor by which the weight of a draft shrinks with the next one. */
    private static final double MEMORY = 0.9;

    /** How many drafted tokens the first estimate is worth. */
    private static final double GUESSED_AT_FIRST = 2.5;

    /** The share of time that trials of drafts that did not pay may cost. */
    private static final double COST_OF_TRIALS = 0.01;

    private static final int LONGEST_ROW = 64;

    /** Seconds of a pass over one token, and per further token; in other units before the first. */
    private double single = 1;

    private double further;

    /** Whether they have been measured. */
    private boolean knowsSingle;

    private boolean knowsFurther;

    private double right;
    private double guessed = GUESSED_AT_FIRST;

    /** Passes until drafts that do not pay are tried. */
    private int rest = 1;

    /**
     * Passes with drafts since the last without, and their number before one without for
     * comparison.
     */
    private int row;

    private int mostInRow = 4;

    /** Passes without drafts since the last with one, and the first of those that counts. */
    private int alone;

    private final int settled;

    /**
     * Begins without measurements.
     *
     * @param chance the assumed probability that a drafted token is right
     * @param further the assumed time of a further token in a pass, as a fraction of that of the
     *     first
     * @param settled the first pass without drafts, counted from 1, that takes as long as if there
     *     were never any
     */
    public DraftLength(double chance, double further, int settled) {
        right = chance * GUESSED_AT_FIRST;
        this.further = further;
        this.settled = settled;
    }

    /** The number of tokens to draft; 0 if that does not pay. */
    public int next() {
        if (row >= mostInRow) {
            if (alone < settled) {
                return 0;
            }
            mostInRow = Math.min(LONGEST_ROW, 2 * mostInRow);
            row = 0;
        }
        int best = best();
        if (best > 0) {
            row++;
            return best;
        }
        if (rest > 0) {
            rest--;
            return 0;
        }
        rest = (int) Math.clamp(further / single / COST_OF_TRIALS, 16, 1000);
        return 1;
    }

    private int best() {
        double chance = right / guessed;
        double tokens = 1;
        double power = 1;
        int best = 0;
        double rate = 1 / single;
        for (int k = 1; k <= MOST; k++) {
            power *= chance;
            tokens += power;
            double next = tokens / (single + k * further);
            if (next > rate) {
                rate = next;
                best = k;
            }
        }
        return best;
    }

    /**
     * Learns from a pass.
     *
     * @param drafted number of tokens drafted for it
     * @param accepted number of the first ones that were right
     * @param seconds time for drafting and computing
     */
    public void observe(int drafted, int accepted, double seconds) {
        if (drafted == 0) {
            alone++;
            if (!knowsSingle || alone >= settled) {
                observeSingle(seconds);
            }
            return;
        }
        alone = 0;
        if (knowsSingle) {
            double each = Math.max(0, seconds - single) / drafted;
            further = knowsFurther ? further + NEWS * (each - further) : each;
            knowsFurther = true;
        } else {
            scale(seconds / (single + drafted * further));
        }
        right = MEMORY * right + accepted;
        guessed = MEMORY * guessed + accepted + (accepted < drafted ? 1 : 0);
    }

    private void observeSingle(double seconds) {
        // The first passes may have found nothing in memory: then a later one replaces them at
        // once.
        boolean isNew = !knowsSingle || seconds < single / 2;
        double now = isNew ? seconds : single + NEWS * (seconds - single);
        if (knowsFurther) {
            single = now;
        } else {
            scale(now / single);
        }
        knowsSingle = true;
    }

    private void scale(double factor) {
        single *= factor;
        further *= factor;
    }
}
