package io.github.bigllama.core.chat;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.core.structure.RecordSchema;
import io.github.bigllama.internal.llama.Json;
import java.util.Objects;
import java.util.function.Function;

/**
 * Something that a model may have called while it answers.
 *
 * @param name what it is called: letters, digits and underscores
 * @param description what it does, for the model
 * @param parameters the JSON schema of its arguments, an object
 * @param function gets the arguments as JSON, and gives what the model is to know; of what it
 *     throws the model reads only the message of a {@link ToolException}
 */
public record Tool(
        String name, String description, String parameters, Function<String, String> function) {
    public Tool {
        if (!name.matches("\\w{1,64}")) {
            throw new IllegalArgumentException(
                    "'" + name + "' is no name of a tool: use letters, digits and underscores");
        }
        Objects.requireNonNull(description, "description");
        Objects.requireNonNull(function, "function");
        try {
            if (!Json.MAPPER.readTree(parameters).isObject()) {
                throw new IllegalArgumentException(
                        "the parameters of " + name + " are no JSON schema of an object");
            }
        } catch (JacksonException e) {
            throw new IllegalArgumentException(
                    "the parameters of " + name + " are not JSON: " + Json.reason(e), e);
        }
    }

    /**
     * A tool whose arguments are the components of a record. In a named module its package must be
     * open to {@code com.fasterxml.jackson.databind}.
     *
     * @param function its result becomes JSON, unless it is a text
     * @throws IllegalArgumentException if the record has a component that has no JSON schema
     */
    public static <T extends Record> Tool of(
            String name, String description, Class<T> parameters, Function<T, ?> function) {
        return new Tool(
                name,
                description,
                RecordSchema.of(parameters),
                arguments -> {
                    T given;
                    try {
                        given = Json.MAPPER.readValue(arguments, parameters);
                    } catch (JacksonException e) {
                        throw new ToolException("the arguments are wrong: " + Json.reason(e), e);
                    }
                    Object result = function.apply(given);
                    try {
                        return result instanceof String text
                                ? text
                                : Json.MAPPER.writeValueAsString(result);
                    } catch (JacksonException e) {
                        throw new IllegalArgumentException(
                                "its result can't be JSON: " + Json.reason(e), e);
                    }
                });
    }

    /** What a call gives; it may throw anything. */
    String call(String arguments) {
        return String.valueOf(function.apply(arguments));
    }

    JsonNode toJson() {
        ObjectNode node = Json.object().put("type", "function");
        node.putObject("function")
                .put("name", name)
                .put("description", description)
                .set("parameters", Json.read(parameters));
        return node;
    }
}
