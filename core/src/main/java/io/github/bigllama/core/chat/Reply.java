package io.github.bigllama.core.chat;

import com.fasterxml.jackson.core.JacksonException;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.internal.llama.Json;
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
     * The content as a record, of which it is the JSON: certain where {@link Grammar#of} of the
     * same class had to be kept and the answer came to its end.
     *
     * <p>In a named module its package must be open to {@code com.fasterxml.jackson.databind}.
     *
     * @throws IllegalArgumentException if it is not
     */
    public <T> T as(Class<T> type) {
        try {
            return Json.MAPPER.readValue(content, type);
        } catch (JacksonException e) {
            String start = content.length() <= 60 ? content : content.substring(0, 60) + "…";
            throw new IllegalArgumentException(
                    "the reply is not a valid %s: %s: %s"
                            .formatted(type.getSimpleName(), Json.reason(e), start),
                    e);
        }
    }
}
