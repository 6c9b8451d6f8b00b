package io.github.bigllama.core;

import java.util.List;
import java.util.Objects;

/**
 * How likely the model found a token that was chosen, and the most likely ones at its place.
 *
 * <p>A log-probability is the natural logarithm of a softmax over the logits of the whole
 * vocabulary, as the model computed them: before processors, biases, filters, the temperature or a
 * grammar. llama.cpp's server computes them in the same way, unless {@code post_sampling_probs} is
 * set.
 *
 * @param token the id of the token
 * @param text its text, or the name of a control token; a part of a character becomes U+FFFD, and
 *     {@link Tokenizer#bytes} has its bytes
 * @param logprob 0 or less; negative infinity for a token that the model rules out
 * @param top the most likely tokens, the most likely first; the chosen one may be among them
 */
public record TokenLogprob(int token, String text, double logprob, List<Alternative> top) {
    public TokenLogprob {
        Objects.requireNonNull(text, "text");
        top = List.copyOf(Objects.requireNonNull(top, "top"));
    }

    /**
     * A token that could have been chosen.
     *
     * @param token the id of the token
     * @param text its text, as in {@link TokenLogprob#text}
     * @param logprob its log-probability
     */
    public record Alternative(int token, String text, double logprob) {
        public Alternative {
            Objects.requireNonNull(text, "text");
        }
    }
}
