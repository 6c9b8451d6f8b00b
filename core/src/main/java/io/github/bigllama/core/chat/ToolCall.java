package io.github.bigllama.core.chat;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.llama.Json;
import java.util.Objects;

/**
 * A model's wish to have a tool called.
 *
 * @param id what the result refers to; a chat makes one where the model has none
 * @param name which tool
 * @param arguments a JSON object, as text
 */
public record ToolCall(String id, String name, String arguments) {
    public ToolCall {
        Objects.requireNonNull(id, "id");
        Objects.requireNonNull(name, "name");
        Objects.requireNonNull(arguments, "arguments");
    }

    ToolCall withId(String newId) {
        return new ToolCall(newId, name, arguments);
    }

    /** Whether the arguments are all there: JSON of an object. */
    boolean isComplete() {
        try {
            return Json.MAPPER.readTree(arguments) instanceof ObjectNode;
        } catch (JacksonException e) {
            return false;
        }
    }
}
