package io.github.bigllama.core;

import java.util.Objects;

/**
 * One message of a chat.
 *
 * @param role who says it
 * @param content what is said; must not contain the character NUL, which would end it in llama.cpp
 */
public record ChatMessage(Role role, String content) {
    public ChatMessage {
        Objects.requireNonNull(role, "role");
        if (content.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "message of the " + role + " has a NUL character at " + content.indexOf('\0'));
        }
    }
}
