package io.github.bigllama.core.option;

/** Watches a model being loaded. Called on the loading thread. */
@FunctionalInterface
public interface LoadProgress {
    /**
     * Called again and again while the weights are loaded.
     *
     * @param fraction what has been loaded, 0 to 1
     * @return true to go on, false to cancel: the load then throws {@link
     *     java.util.concurrent.CancellationException}
     */
    boolean onProgress(float fraction);
}
