package io.github.bigllama.core.chat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.bigllama.core.structure.JsonType;
import io.github.bigllama.internal.llama.Json;
import io.github.bigllama.internal.schema.JsonSchema;
import java.util.List;
import java.util.Objects;
import java.util.function.Function;

/**
 * A function that a model may call while it answers. Immutable, and as thread-safe as its function.
 *
 * <p>The function only ever gets arguments that are valid for the schema: what the answer's grammar
 * can't enforce is checked before the call, and the model is told what is wrong.
 */
public final class Tool {
    private final String name;
    private final String description;
    private final JsonSchema parameters;
    private final Function<String, String> function;

    private Tool(
            String name,
            String description,
            JsonSchema parameters,
            Function<String, String> function) {
        this.name = name;
        this.description = description;
        this.parameters = parameters;
        this.function = function;
    }

    /**
     * A tool whose arguments are described by a JSON schema.
     *
     * @param name the name of the tool: letters, digits and underscores
     * @param description what the tool does, for the model
     * @param parameters the JSON schema of the arguments, an object; draft 2020-12
     * @param function gets the arguments as JSON, and returns the result for the model; if it
     *     throws, the model sees only the message of a {@link ToolException}
     * @throws IllegalArgumentException if the schema can't be used, with the tool's name and the
     *     JSON pointer of the reason
     */
    public static Tool of(
            String name, String description, String parameters, Function<String, String> function) {
        requireName(name);
        Objects.requireNonNull(description, "description");
        Objects.requireNonNull(parameters, "parameters");
        Objects.requireNonNull(function, "function");
        try {
            return new Tool(name, description, schema(parameters), function);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "cannot use the tool " + name + ": " + e.getMessage(), e);
        }
    }

    /**
     * A tool whose arguments are the components of a record, or the properties of a bean.
     *
     * @param function its result is written as JSON, unless it is a string
     * @throws IllegalArgumentException if a part of the type has no JSON schema
     */
    public static <T> Tool of(
            String name, String description, Class<T> parameters, Function<T, ?> function) {
        requireName(name);
        Objects.requireNonNull(parameters, "parameters");
        try {
            return of(name, description, JsonType.of(parameters), function);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "cannot use the tool " + name + ": " + e.getMessage(), e);
        }
    }

    /**
     * A tool whose arguments are the properties of a type.
     *
     * @param function its result is written as JSON, unless it is a string
     * @throws IllegalArgumentException if the type's JSON is not an object
     */
    public static <T> Tool of(
            String name, String description, JsonType<T> parameters, Function<T, ?> function) {
        requireName(name);
        Objects.requireNonNull(parameters, "parameters");
        Objects.requireNonNull(function, "function");
        return of(
                name,
                description,
                parameters.schema(),
                arguments -> {
                    Object result = function.apply(parameters.read(arguments));
                    return result instanceof String text ? text : parameters.write(result);
                });
    }

    private static void requireName(String name) {
        Objects.requireNonNull(name, "name");
        if (!name.matches("\\w{1,64}")) {
            throw new IllegalArgumentException(
                    "'" + name + "' is not a valid tool name: use letters, digits and underscores");
        }
    }

    private static JsonSchema schema(String parameters) {
        JsonNode given = JsonSchema.read(parameters, "the schema of the parameters");
        if (!(given instanceof ObjectNode object)) {
            throw new IllegalArgumentException("the schema of the parameters is not an object");
        }
        if (!object.has("type")) {
            object.put("type", "object");
        }
        JsonSchema schema = JsonSchema.ofChecked(object.toString());
        if (schema.object().isEmpty()) {
            throw new IllegalArgumentException(
                    "the schema of the parameters is not that of an object; give it the type "
                            + "'object'");
        }
        return schema;
    }

    /** The name of the tool. */
    public String name() {
        return name;
    }

    /** What the tool does, for the model. */
    public String description() {
        return description;
    }

    /** The JSON schema of the arguments. */
    public String parameters() {
        return parameters.toString();
    }

    /**
     * The result of a call. The function may throw anything.
     *
     * @throws ToolException if the arguments are not valid for the schema
     */
    String call(String arguments) {
        List<String> errors;
        try {
            errors = parameters.errors(JsonSchema.read(arguments, "the text"));
        } catch (IllegalArgumentException e) {
            throw new ToolException("the arguments are wrong: " + e.getMessage(), e);
        }
        if (!errors.isEmpty()) {
            throw new ToolException("the arguments are wrong: " + errors.getFirst());
        }
        return String.valueOf(function.apply(arguments));
    }

    JsonNode toJson() {
        ObjectNode node = Json.object().put("type", "function");
        node.putObject("function")
                .put("name", name)
                .put("description", description)
                .set("parameters", parameters.object().orElseThrow());
        return node;
    }

    @Override
    public String toString() {
        return name;
    }
}
