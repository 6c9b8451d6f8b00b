package io.github.bigllama.core.option;

import io.github.bigllama.core.TokenStream;
import java.lang.foreign.MemorySegment;

/**
 * Chooses a token from logits. Called once for each token of an answer, on the thread that reads
 * the {@link TokenStream}; one that several sessions use must be thread-safe. What it throws ends
 * the stream, which throws the same.
 */
@FunctionalInterface
public interface TokenSampler {
    /**
     * Chooses a token. The stream throws {@link IllegalStateException} if it is not in the
     * vocabulary, or a grammar does not allow it.
     *
     * @param tokens the tokens in the KV cache, under the rules of {@link LogitsProcessor#process}
     * @param generated number of tokens that this answer has so far; 0 for the first one
     * @param logits the model's, as the processors have changed them, and negative infinity for
     *     tokens that a grammar does not allow; under the rules of {@link LogitsProcessor#process}
     * @return the id of the token
     */
    int sample(int[] tokens, int generated, MemorySegment logits);
}
