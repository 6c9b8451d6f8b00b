package io.github.bigllama.core.exception;

import java.util.List;

/**
 * llama.cpp failed to compute a batch of tokens, or computed values that are not numbers. The
 * session, embedder or reranker stays usable; a session's KV cache holds the tokens that were
 * computed before.
 */
public final class DecodeException extends LlamaException {
    /** The status if the tokens do not fit into the KV cache beside those that are there. */
    public static final int NO_ROOM = 1;

    private static final long serialVersionUID = 1;

    private final int status;

    public DecodeException(String message, int status, List<String> nativeLog) {
        super(message, nativeLog, null);
        this.status = status;
    }

    /** The return value of {@code llama_decode}; 0 if it succeeded but its logits are unusable. */
    public int status() {
        return status;
    }
}
