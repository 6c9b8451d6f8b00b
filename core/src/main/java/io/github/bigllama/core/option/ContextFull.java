package io.github.bigllama.core.option;

import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.chat.Chat;

/** What is done when the context has no room for another token. */
public enum ContextFull {
    /** The answer ends with {@link StopReason#CONTEXT_FULL}. */
    STOP,
    /**
     * The oldest part makes room: of a {@link Chat} whole turns between the system message and the
     * last ones, of other text the older half, but for what is always kept. What follows is moved
     * where the KV cache can do that, else computed again.
     *
     * <p>An answer of unlimited length ends with {@link StopReason#CONTEXT_FULL} when it is as long
     * as the context itself: a model that repeats itself would never stop.
     */
    SHIFT
}
