package io.github.bigllama.core;

import io.github.bigllama.core.exception.PromptTooLongException;
import io.github.bigllama.internal.engine.Lane;
import io.github.bigllama.internal.media.MediaPiece;
import java.util.Locale;

/** What is asked of the tokens that a session is to compute, before it computes any. */
record TokenChecks(LlamaModel model, Lane lane) {
    /** Requires tokens that can be computed, after the last of which something can be chosen. */
    void require(int[] tokens) {
        if (tokens.length == 0) {
            throw new IllegalArgumentException("there is no token to compute: the prompt is empty");
        }
        for (int token : tokens) {
            if (!MediaPiece.isMedia(token) || model.projector().isEmpty()) {
                model.vocabulary().requireToken(token);
            }
        }
        if (MediaPiece.isMedia(tokens[tokens.length - 1])) {
            throw new IllegalArgumentException(
                    "the tokens end with an image or a sound, after which nothing can be chosen: add a text");
        }
    }

    /**
     * Requires tokens that can be computed in one batch.
     *
     * @param first index of the first token that gets logits
     * @param outputs the most tokens that get logits
     */
    void requireBatch(int[] tokens, int first, int outputs) {
        require(tokens);
        if (MediaPiece.isIn(tokens, tokens.length)) {
            throw new IllegalArgumentException(
                    "images and sounds have no logits; give their tokens to decode(int...)");
        }
        if (first < 0 || first > tokens.length) {
            throw new IllegalArgumentException(
                    "first is " + first + ", must be 0 to " + tokens.length);
        }
        int batchSize = lane.context().batchSize();
        if (tokens.length > batchSize || tokens.length - first > outputs) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "%d tokens, %d of them with logits, do not fit a batch of the session: at most %d tokens, %d with logits",
                            tokens.length,
                            tokens.length - first,
                            batchSize,
                            outputs));
        }
    }

    /** Requires room in the context beside what the KV cache holds. */
    void requireRoom(int[] tokens) {
        requireFit(model.cells(lane.sequence().tokens()) + model.cells(tokens));
    }

    /** Requires a context that has so many cells. */
    void requireFit(int cells) {
        if (cells > lane.context().size()) {
            throw new PromptTooLongException(cells, lane.context().size());
        }
    }
}
