package io.github.bigllama.core.chat;

import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.JsonType;
import java.util.List;
import java.util.Objects;

/**
 * What a model has said.
 *
 * @param content what is meant for the reader
 * @param reasoning what it thought before, if its template tells that apart
 * @param toolCalls the tools that it wants to have called
 */
public record Reply(String content, String reasoning, List<ToolCall> toolCalls) {
    public Reply {
        Objects.requireNonNull(content, "content");
        Objects.requireNonNull(reasoning, "reasoning");
        toolCalls = List.copyOf(toolCalls);
    }

    /**
     * The content as a value of a class, of which it is the JSON: certain where {@link
     * Grammar#of(Class)} of the same class had to be kept and the answer came to its end.
     *
     * <p>In a named module its package must be open to {@code com.fasterxml.jackson.databind}.
     *
     * @throws IllegalArgumentException if it is not, with the reason
     */
    public <T> T as(Class<T> type) {
        return as(JsonType.of(type));
    }

    /**
     * The content as a value of a type, of which it is the JSON.
     *
     * @throws IllegalArgumentException if it is not, with the reason
     */
    public <T> T as(JsonType<T> type) {
        try {
            return type.read(content);
        } catch (IllegalArgumentException e) {
            String start = content.length() <= 60 ? content : content.substring(0, 60) + "…";
            throw new IllegalArgumentException(
                    "the reply is not a valid %s: %s: %s".formatted(type, e.getMessage(), start), e);
        }
    }
}
