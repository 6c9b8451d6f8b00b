package io.github.bigllama.core;

/**
 * What guessing tokens has brought.
 *
 * @param passes passes over the weights, the prompt not counted
 * @param drafted tokens that were guessed and computed with them
 * @param accepted tokens of those that were right
 */
public record SpeculationStats(int passes, int drafted, int accepted) {
    static final SpeculationStats NONE = new SpeculationStats(0, 0, 0);

    SpeculationStats plus(int newlyDrafted, int newlyAccepted) {
        return new SpeculationStats(passes + 1, drafted + newlyDrafted, accepted + newlyAccepted);
    }

    /** Tokens that a pass has given; 1 without guesses, 0 before the first pass. */
    public double tokensPerPass() {
        return passes == 0 ? 0 : 1 + (double) accepted / passes;
    }
}
