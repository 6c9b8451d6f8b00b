package io.github.bigllama.core.option;

/**
 * How tokens are drafted before the model computes them (speculative decoding). A draft is computed
 * in one pass, which costs hardly more than a single token if the weights are read from disk; a
 * drafted token is kept only if the model's own samplers choose the same token, so the answer is
 * the same as without drafts.
 *
 * <p>If llama.cpp computes attention over 512 or more cells of the KV cache with several threads,
 * the last digits of its results depend on the number of tokens in a pass, as they do on the number
 * of threads; if two tokens are practically equally probable, a different one may then be chosen.
 */
public enum Speculation {
    /**
     * Drafts by the draft model if there is one; otherwise, if the model does not fit into RAM, by
     * its own layers for that if it has such and no experts, or by n-grams; otherwise none. The
     * length of a draft follows from how often drafts were right and how long passes over several
     * tokens took; if drafts do not pay, there are none for a while.
     */
    AUTO,

    /** No drafts: each token takes its own pass. */
    OFF,

    /**
     * Drafts the tokens that followed the same words earlier in the conversation, as many as drafts
     * were right before, whatever a pass costs.
     */
    NGRAM,

    /**
     * Drafts by the {@linkplain ModelOptions#draftModel() draft model}, which the model must have
     * been loaded with; as with {@link #NGRAM}, whatever a pass costs.
     */
    DRAFT,

    /**
     * Drafts by the layers of the model that predict further tokens (multi-token prediction), which
     * the file must have, and {@linkplain ModelOptions#mtp() be loaded}; whatever a pass costs. A
     * model with a recurrent state drafts only in a session that has its context for itself.
     */
    MTP
}
