package io.github.bigllama.core.chat;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * How a chat begins.
 *
 * @param system the system message, if any
 * @param template the Jinja source of a chat template, or {@code chatml}; empty for the model's
 *     own, or ChatML if it has none
 * @param tools what the model may have called
 */
public record ChatOptions(Optional<String> system, Optional<String> template, List<Tool> tools) {
    private static final ChatOptions DEFAULTS =
            new ChatOptions(Optional.empty(), Optional.empty(), List.of());

    public ChatOptions {
        Objects.requireNonNull(system, "system");
        Objects.requireNonNull(template, "template");
        tools = List.copyOf(tools);
        if (tools.stream().map(Tool::name).distinct().count() < tools.size()) {
            throw new IllegalArgumentException("two tools have the same name");
        }
    }

    /** No system message, the model's template, no tools. */
    public static ChatOptions defaults() {
        return DEFAULTS;
    }

    public ChatOptions withSystem(String value) {
        return new ChatOptions(Optional.of(value), template, tools);
    }

    public ChatOptions withTemplate(String value) {
        return new ChatOptions(system, Optional.of(value), tools);
    }

    public ChatOptions withTools(Tool... values) {
        return new ChatOptions(system, template, List.of(values));
    }
}
