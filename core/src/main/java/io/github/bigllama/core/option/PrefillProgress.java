package io.github.bigllama.core.option;

import io.github.bigllama.core.TokenStream;

/** Watches a prompt being computed. Called on the thread that reads the {@link TokenStream}. */
@FunctionalInterface
public interface PrefillProgress {
    /**
     * Called before the first and after every batch of the prompt.
     *
     * @param done number of tokens computed so far of the new part of the prompt
     * @param total number of tokens in the new part of the prompt; those already in the KV cache
     *     are not counted
     */
    void onProgress(int done, int total);
}
