package io.github.bigllama.core.chat;

import java.util.Objects;

/**
 * A model's wish to have a tool called.
 *
 * @param id what the result refers to; models that have none leave it empty
 * @param name which tool
 * @param arguments a JSON object, as text
 */
public record ToolCall(String id, String name, String arguments) {
    public ToolCall {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(arguments, "arguments");
    }
}
