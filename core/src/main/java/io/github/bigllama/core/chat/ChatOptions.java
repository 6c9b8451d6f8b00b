package io.github.bigllama.core.chat;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.Consumer;

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
        return with(draft -> draft.system = Optional.of(Objects.requireNonNull(value, "system")));
    }

    public ChatOptions withTemplate(String value) {
        return with(
                draft -> draft.template = Optional.of(Objects.requireNonNull(value, "template")));
    }

    public ChatOptions withTools(Tool... values) {
        return with(draft -> draft.tools = List.of(values));
    }

    private ChatOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.options();
    }

    /** The components while some of them are replaced. */
    private static final class Draft {
        private Optional<String> system;
        private Optional<String> template;
        private List<Tool> tools;

        Draft(ChatOptions options) {
            system = options.system;
            template = options.template;
            tools = options.tools;
        }

        ChatOptions options() {
            return new ChatOptions(system, template, tools);
        }
    }
}
