package io.github.bigllama.core;

/**
 * Counts of speculative decoding in an answer.
 *
 * @param passes number of passes over the weights, without those of the prompt
 * @param drafted number of drafted tokens that were computed in these passes
 * @param accepted number of drafted tokens that were right
 */
public record SpeculationStats(int passes, int drafted, int accepted) {
    static final SpeculationStats NONE = new SpeculationStats(0, 0, 0);

    SpeculationStats plus(int newlyDrafted, int newlyAccepted) {
        return new SpeculationStats(passes + 1, drafted + newlyDrafted, accepted + newlyAccepted);
    }

    /** Tokens per pass, on average; 1 without drafts, 0 before the first pass. */
    public double tokensPerPass() {
        return passes == 0 ? 0 : 1 + (double) accepted / passes;
    }
}
