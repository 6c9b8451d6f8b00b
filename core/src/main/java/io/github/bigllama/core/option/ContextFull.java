package io.github.bigllama.core.option;

import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.chat.Chat;

/** What to do when the context has no room for another token. */
public enum ContextFull {
    /** The answer ends with {@link StopReason#CONTEXT_FULL}. */
    STOP,
    /**
     * The oldest part makes room: in a {@link Chat} whole turns after the system message, in other
     * text the older half, except the tokens that are always kept. The rest is moved up where the
     * KV cache can do that, and computed again otherwise. With images or sounds in the KV cache as
     * {@link #STOP}.
     *
     * <p>An answer of unlimited length still ends with {@link StopReason#CONTEXT_FULL} when it is
     * as long as the context itself: a model that repeats itself would never stop.
     */
    SHIFT
}
