package io.github.bigllama.core.chat;

import io.github.bigllama.core.GenerationStats;
import io.github.bigllama.core.StopReason;
import io.github.bigllama.core.TokenLogprob;
import io.github.bigllama.core.TokenStream;
import io.github.bigllama.core.option.GenerationOptions;
import io.github.bigllama.core.structure.Grammar;
import io.github.bigllama.core.structure.JsonType;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * A model's answer, taken apart.
 *
 * @param content the text meant for the reader
 * @param reasoning the model's reasoning before the content, if the template marks it
 * @param toolCalls the tool calls that the model asks for; only complete ones
 * @param stopReason why the answer ended; empty if that is not known
 * @param stats token counts and times of prompt and answer; empty if they are not known
 * @param logprobs how likely the model found each token of the answer, its reasoning included;
 *     empty unless {@link GenerationOptions#logprobs()} asks for it
 */
public record Reply(
        String content,
        String reasoning,
        List<ToolCall> toolCalls,
        Optional<StopReason> stopReason,
        Optional<GenerationStats> stats,
        List<TokenLogprob> logprobs) {
    /** A reply of which nothing else is known. */
    public Reply(String content, String reasoning, List<ToolCall> toolCalls) {
        this(content, reasoning, toolCalls, Optional.empty(), Optional.empty(), List.of());
    }

    public Reply {
        Objects.requireNonNull(content, "content");
        Objects.requireNonNull(reasoning, "reasoning");
        toolCalls = List.copyOf(Objects.requireNonNull(toolCalls, "toolCalls"));
        Objects.requireNonNull(stopReason, "stopReason");
        Objects.requireNonNull(stats, "stats");
        logprobs = List.copyOf(Objects.requireNonNull(logprobs, "logprobs"));
    }

    /** This reply with the end of its answer; a call that the end may have cut is left out. */
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
                content,
                reasoning,
                calls,
                Optional.of(reason),
                Optional.of(answer.stats()),
                answer.logprobs());
    }

    /**
     * Parses the content as the JSON of a class. This succeeds if the answer was generated with
     * {@link Grammar#of(Class)} of the same class and came to its end.
     *
     * <p>If the class is in a named module, its package must be open to {@code
     * com.fasterxml.jackson.databind}.
     *
     * @throws IllegalArgumentException if the content is not JSON of the type, with the reason
     */
    public <T> T as(Class<T> type) {
        return as(JsonType.of(type));
    }

    /**
     * Parses the content as the JSON of a type; see {@link #as(Class)}.
     *
     * @throws IllegalArgumentException if the content is not JSON of the type, with the reason
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
