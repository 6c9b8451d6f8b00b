package io.github.bigllama.core.exception;

import java.util.List;

/**
 * A prompt, or a text of an {@link io.github.bigllama.core.Embedder} or {@link
 * io.github.bigllama.core.Reranker}, has more tokens than there is room for. Nothing was computed
 * or forgotten.
 */
public final class PromptTooLongException extends LlamaException {
    private static final long serialVersionUID = 1;

    private final int promptTokens;
    private final int contextSize;
    private final int text;

    public PromptTooLongException(int promptTokens, int contextSize) {
        this(
                "prompt of "
                        + promptTokens
                        + " tokens does not fit the context of "
                        + contextSize
                        + " tokens; shorten it, reset the chat, or open the session with a larger context size",
                promptTokens,
                contextSize);
    }

    public PromptTooLongException(String message, int promptTokens, int contextSize) {
        this(message, promptTokens, contextSize, 0);
    }

    /**
     * One of several texts is too long.
     *
     * @param text its number, from 0
     */
    public PromptTooLongException(String message, int promptTokens, int contextSize, int text) {
        super(message, List.of(), null);
        this.promptTokens = promptTokens;
        this.contextSize = contextSize;
        this.text = text;
    }

    /** The number of the text or document, from 0, if there are several; else 0. */
    public int text() {
        return text;
    }

    /**
     * Tokens in the whole prompt, those already in the KV cache included; an image counts the cells
     * that it takes.
     */
    public int promptTokens() {
        return promptTokens;
    }

    /** Size of the context, in tokens; of texts the most that one may have. */
    public int contextSize() {
        return contextSize;
    }
}
