package io.github.bigllama.core.chat;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.internal.llama.Json;
import java.util.Objects;

/**
 * A model's request to call a tool.
 *
 * @param id identifies the call in its result; a chat makes one up where the model gives none
 * @param name the name of the tool
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

    /** Whether the arguments are complete: the JSON of an object. */
    boolean isComplete() {
        try {
            return Json.MAPPER.readTree(arguments) instanceof ObjectNode;
        } catch (JacksonException e) {
            return false;
        }
    }
}
