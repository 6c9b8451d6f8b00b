package io.github.bigllama.core.option;

import io.github.bigllama.core.TokenStream;

/**
 * Watches a prompt being computed. Called on the thread that pulls from the {@link TokenStream}.
 */
@FunctionalInterface
public interface PrefillProgress {
    /**
     * Called before the first and after every batch of the prompt.
     *
     * @param done tokens of the new part of the prompt that are computed
     * @param total tokens of the new part of the prompt; what the KV cache already had is not
     *     counted
     */
    void onProgress(int done, int total);
}
