package io.github.bigllama.core;

import io.github.bigllama.core.option.GenerationOptions;

/** Why a {@link TokenStream} ended. */
public enum StopReason {
    /** The model produced an end-of-generation token. */
    END_OF_GENERATION,
    /** {@link GenerationOptions#maxTokens()} tokens were produced. */
    MAX_TOKENS,
    /** One of the {@link GenerationOptions#stopStrings()} appeared; it is not part of the text. */
    STOP_STRING,
    /** The context has no room for another token. */
    CONTEXT_FULL,
    /**
     * {@link TokenStream#cancel()} was called, the stream was closed before its end, or the thread
     * that reads it was interrupted; it stays interrupted.
     */
    CANCELLED,
    /** {@link GenerationOptions#timeout()} passed. */
    TIMEOUT
}
