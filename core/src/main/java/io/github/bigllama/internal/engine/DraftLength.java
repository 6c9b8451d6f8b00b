package io.github.bigllama.internal.engine;

/**
 * How many tokens to guess for the next pass: as many as give the most tokens per second, by how
 * often guesses were right and what passes over several tokens took. With a chance {@code p} that a
 * guess is right, {@code k} guesses give {@code 1 + p + … + p^k} tokens; see Leviathan et al.,
 * "Fast Inference from Transformers via Speculative Decoding", section 3.1. Not thread-safe.
 */
public final class DraftLength {
    /** Most tokens of a draft. */
    public static final int MOST = 16;

    /** How much of an average the last measurement is. */
    private static final double NEWS = 0.25;

    /** What a draft says of the chance is worth so much of that after the next draft. */
    private static final double MEMORY = 0.9;

    /** What is believed before anything was guessed: so many right ones of so many. */
    private static final double RIGHT_AT_FIRST = 1.5;

    private static final double GUESSED_AT_FIRST = 2.5;

    /** A trial of guesses that did not pay may cost this part of the time until the next one. */
    private static final double COST_OF_TRIALS = 0.01;

    private static final int LONGEST_ROW = 64;

    /** Seconds of a pass over one token, 0 before the first, and of each further one. */
    private double single;

    private double further;

    private double right = RIGHT_AT_FIRST;
    private double guessed = GUESSED_AT_FIRST;

    /** Passes until guesses that do not pay are tried again. */
    private int rest;

    /**
     * Passes with guesses since the last without, and after how many there is one to compare with.
     */
    private int row;

    private int mostInRow = 4;

    /**
     * Nothing measured yet.
     *
     * @param further what a further token of a pass is believed to take, as a part of the first
     */
    public DraftLength(double further) {
        this.further = -further;
    }

    /** How many tokens to guess; 0 where that does not pay. */
    public int next() {
        if (single == 0) {
            return 0;
        }
        if (row >= mostInRow) {
            mostInRow = Math.min(LONGEST_ROW, 2 * mostInRow);
            row = 0;
            return 0;
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
        rest = (int) Math.clamp(cost() / single / COST_OF_TRIALS, 16, 1000);
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
            double next = tokens / (single + k * cost());
            if (next > rate) {
                rate = next;
                best = k;
            }
        }
        return best;
    }

    private double cost() {
        return further < 0 ? -further * single : further;
    }

    /**
     * A pass has been used.
     *
     * @param drafted how many tokens were guessed for it
     * @param accepted how many of those, from the first, were right
     * @param seconds what guessing and computing took
     */
    public void observe(int drafted, int accepted, double seconds) {
        if (drafted == 0) {
            // The first ones may have found nothing in memory: then a later one is believed at
            // once.
            single =
                    single == 0 || seconds < single / 2
                            ? seconds
                            : single + NEWS * (seconds - single);
            return;
        }
        double each = Math.max(0, seconds - single) / drafted;
        further = further < 0 ? each : further + NEWS * (each - further);
        right = MEMORY * right + accepted;
        guessed = MEMORY * guessed + accepted + (accepted < drafted ? 1 : 0);
    }
}
