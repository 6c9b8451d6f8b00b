package io.github.bigllama.core.option;

/**
 * Who guesses tokens before the model computes them. Guesses are computed in one pass, which costs
 * hardly more than a token where the weights come from disk; each is kept only if the model's own
 * samplers choose the same token, so the answer is the one that the model gives without guesses.
 *
 * <p>How many tokens are guessed follows from how often guesses were right and from what a pass
 * over several tokens was measured to cost; none are, for a while, where that does not pay.
 */
public enum Speculation {
    /** By n-grams where the model does not fit into RAM; else nobody. */
    AUTO,

    /** Nobody: each token is a pass of its own. */
    OFF,

    /** By what followed the same words earlier in the conversation. */
    NGRAM
}
