package io.github.bigllama.core;

import java.util.Optional;

/**
 * How a chat begins.
 *
 * @param system the system message, if any
 * @param template the Jinja source of a chat template or the name of a built-in one; empty for the
 *     model's own, or ChatML if it has none
 */
public record ChatOptions(Optional<String> system, Optional<String> template) {
    private static final ChatOptions DEFAULTS = new ChatOptions(Optional.empty(), Optional.empty());

    /** No system message, the model's template. */
    public static ChatOptions defaults() {
        return DEFAULTS;
    }

    public ChatOptions withSystem(String value) {
        return new ChatOptions(Optional.of(value), template);
    }

    public ChatOptions withTemplate(String value) {
        return new ChatOptions(system, Optional.of(value));
    }
}
