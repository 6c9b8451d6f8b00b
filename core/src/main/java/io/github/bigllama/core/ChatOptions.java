package io.github.bigllama.core;

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
 * @param thinking whether a model that can reason before it answers does; others do not care
 */
public record ChatOptions(
        Optional<String> system, Optional<String> template, List<Tool> tools, boolean thinking) {
    private static final ChatOptions DEFAULTS =
            new ChatOptions(Optional.empty(), Optional.empty(), List.of(), true);

    public ChatOptions {
        Objects.requireNonNull(system, "system");
        Objects.requireNonNull(template, "template");
        tools = List.copyOf(tools);
        if (tools.stream().map(Tool::name).distinct().count() < tools.size()) {
            throw new IllegalArgumentException("two tools have the same name");
        }
    }

    /** No system message, the model's template, no tools, reasoning where a model can. */
    public static ChatOptions defaults() {
        return DEFAULTS;
    }

    public ChatOptions withSystem(String value) {
        return new ChatOptions(Optional.of(value), template, tools, thinking);
    }

    public ChatOptions withTemplate(String value) {
        return new ChatOptions(system, Optional.of(value), tools, thinking);
    }

    public ChatOptions withTools(Tool... values) {
        return new ChatOptions(system, template, List.of(values), thinking);
    }

    public ChatOptions withThinking(boolean value) {
        return new ChatOptions(system, template, tools, value);
    }
}
