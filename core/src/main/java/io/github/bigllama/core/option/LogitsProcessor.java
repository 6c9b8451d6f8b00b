package io.github.bigllama.core.option;

import io.github.bigllama.core.TokenStream;
import java.lang.foreign.MemorySegment;

/**
 * Changes the logits of a token before it is chosen. Called once for each token of an answer, on
 * the thread that reads the {@link TokenStream}; one that several sessions use must be thread-safe.
 * What it throws ends the stream, which throws the same.
 */
@FunctionalInterface
public interface LogitsProcessor {
    /**
     * Changes logits. Afterwards each must be a number of at most {@link
     * SamplingOptions#MAX_LOGIT}, or negative infinity, which forbids the token; and at least one
     * must be above -{@code MAX_LOGIT}. Otherwise the stream throws {@link IllegalStateException}.
     *
     * @param tokens the tokens in the KV cache, that is the prompt and what was generated after it,
     *     for all those that have not been shifted out of a full context; negative for the
     *     positions of an image or a sound; a copy
     * @param generated number of tokens that this answer has so far; 0 for the first one
     * @param logits one float for each token of the vocabulary. It is llama.cpp's own memory, or a
     *     copy for the session where others share its context; the next computation overwrites it.
     *     Can be used by the calling thread only, until this method returns
     */
    void process(int[] tokens, int generated, MemorySegment logits);
}
