package io.github.bigllama.core.chat;

import java.util.Locale;

/** Who wrote a message of a chat. */
public enum Role {
    SYSTEM,
    USER,
    ASSISTANT,
    /** The result of a {@link ToolCall}. */
    TOOL;

    /** The name that chat templates use, for example {@code assistant}. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
