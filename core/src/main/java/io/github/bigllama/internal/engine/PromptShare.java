package io.github.bigllama.internal.engine;

/**
 * Decides how many tokens of prompts a pass computes beside those of answers: about as many as make
 * it take twice the time, so that a long prompt does not hold up the answers of others. Where
 * weights are read from disk, that are many: computing them takes no longer than reading. Not
 * thread-safe.
 */
final class PromptShare {
    private static final int LEAST = 8;

    /** The factor by which a pass may take longer than one without prompts. */
    private static final double LONGER = 2;

    /** Passes with prompts until one without is measured again. */
    private static final int ROW = 32;

    /** The weight of the last measurement in an average. */
    private static final double NEWS = 0.25;

    private final int most;
    private int share;

    /** Nanoseconds of a pass without prompts; 0 before the first pass. */
    private double alone;

    /** Passes with prompts since the last one without. */
    private int row = ROW - 4;

    PromptShare(int most) {
        this.most = Math.max(most, LEAST);
        share = Math.min(this.most, 64);
    }

    /**
     * Most tokens of prompts in the next pass beside answers.
     *
     * @param hasAnswers whether it has tokens of answers; then 0 if it should be without prompts,
     *     to measure that
     */
    int next(boolean hasAnswers) {
        return hasAnswers && row >= ROW ? 0 : share;
    }

    /**
     * Learns from a pass.
     *
     * @param tokens number of tokens of prompts
     * @param isShort whether there may have been more, if not for answers
     */
    void observe(int tokens, boolean isShort, double nanos) {
        if (tokens == 0) {
            alone = row > 0 ? nanos : alone + NEWS * (nanos - alone);
            row = 0;
        } else if (alone == 0) {
            // It takes no longer, at least.
            alone = nanos;
        } else if (isShort) {
            row++;
            double fitting = tokens * (LONGER - 1) * alone / Math.max(1, nanos - alone);
            share =
                    (int)
                            Math.clamp(
                                    fitting, Math.max(LEAST, share / 2), Math.min(most, 2 * share));
        }
    }
}
