package io.github.bigllama.core.option;

/** Watches a model being loaded. Called on the thread that loads it. */
@FunctionalInterface
public interface LoadProgress {
    /**
     * Called repeatedly while the weights are loaded.
     *
     * @param fraction the part that has been loaded, 0 to 1
     * @return true to go on, false to cancel: the load then throws {@link
     *     java.util.concurrent.CancellationException}
     */
    boolean onProgress(float fraction);
}
