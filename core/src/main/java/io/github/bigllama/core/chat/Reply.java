package io.github.bigllama.core.chat;

import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.JsonType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * What a model has said.
 *
 * @param content what is meant for the reader
 * @param reasoning what it thought before, if its template tells that apart
 * @param toolCalls the tools that it wants to have called; only complete calls
 * @param stopReason why it ended there; empty if that is not known
 * @param stats what it took: tokens of prompt and answer, and time; empty if that is not known
 */
public record Reply(
        String content,
        String reasoning,
        List<ToolCall> toolCalls,
        Optional<StopReason> stopReason,
        Optional<GenerationStats> stats) {
    /** What was said, without how that came about. */
    public Reply(String content, String reasoning, List<ToolCall> toolCalls) {
        this(content, reasoning, toolCalls, Optional.empty(), Optional.empty());
    }

    public Reply {
        Objects.requireNonNull(content, "content");
        Objects.requireNonNull(reasoning, "reasoning");
        toolCalls = List.copyOf(Objects.requireNonNull(toolCalls, "toolCalls"));
        Objects.requireNonNull(stopReason, "stopReason");
        Objects.requireNonNull(stats, "stats");
    }

    /** How it ended; a call that the end may have cut is not one. */
    Reply ended(TokenStream answer, int firstCall) {
        StopReason reason = answer.stopReason().orElseThrow();
        boolean isWhole =
                reason == StopReason.END_OF_GENERATION || reason == StopReason.STOP_STRING;
        List<ToolCall> calls = new ArrayList<>();
        for (ToolCall call : toolCalls) {
            boolean isLast = calls.size() == toolCalls.size() - 1;
            if (!call.isComplete() || isLast && !isWhole) {
                break;
            }
            calls.add(
                    call.id().isEmpty()
                            ? call.withId(RequestMessages.id(firstCall + calls.size()))
                            : call);
        }
        return new Reply(
                content, reasoning, calls, Optional.of(reason), Optional.of(answer.stats()));
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
        Objects.requireNonNull(type, "type");
        try {
            return type.read(content);
        } catch (IllegalArgumentException e) {
            String start = content.length() <= 60 ? content : content.substring(0, 60) + "…";
            throw new IllegalArgumentException(
                    "the reply is not a valid %s: %s: %s".formatted(type, e.getMessage(), start),
                    e);
        }
    }
}
