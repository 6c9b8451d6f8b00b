package io.github.bigllama.core.option;

/**
 * Who guesses tokens before the model computes them. Guesses are computed in one pass, which costs
 * hardly more than a token where the weights come from disk; each is kept only if the model's own
 * samplers choose the same token, so the answer is the one that the model gives without guesses.
 *
 * <p>Where llama.cpp computes attention over 512 cells and more of the KV cache with several
 * threads, its results depend in their last digits on how many tokens a pass has, as they do on the
 * number of threads; a token whose probability is as good as equal to another's may then be
 * another.
 */
public enum Speculation {
    /**
     * By the draft model if there is one, else by n-grams where the model does not fit into RAM,
     * else nobody. How many tokens are guessed follows from how often guesses were right and from
     * what a pass over several tokens was measured to cost; none are, for a while, where that does
     * not pay.
     */
    AUTO,

    /** Nobody: each token is a pass of its own. */
    OFF,

    /**
     * By what followed the same words earlier in the conversation, as many tokens as guesses were
     * right, whatever a pass costs.
     */
    NGRAM,

    /** By the {@linkplain ModelOptions#draftModel() draft model}; as {@link #NGRAM} else. */
    DRAFT
}
