package io.github.bigllama.core.chat;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Predicate;

/**
 * How a chat begins, and what happens when its model calls tools.
 *
 * @param system the system message, if any
 * @param template the Jinja source of a chat template, or {@code chatml}; empty for the model's
 *     own, or ChatML if it has none
 * @param tools the tools that the model may call
 * @param toolRounds how many times in one turn {@link Chat#ask} calls tools and lets the model
 *     continue; the answer after that is returned as it is
 * @param toolTimeout time limit for one call; after it the tool is interrupted, and the model is
 *     told
 * @param approval is asked before a tool is called, on the thread that would call it; if it says
 *     no, the model is told that the user did not allow it
 * @param toolFailure is given the exception that a tool has thrown, a {@link
 *     java.util.concurrent.TimeoutException} if the tool took too long; the log has it in any case.
 *     An exception of its own ends the turn, and is thrown to its caller
 * @param parallelToolCalls whether the model may make several calls in one answer, which are then
 *     made at the same time, each on a virtual thread
 * @param parseSpecial whether control tokens in messages, such as {@code <|im_end|>}, are control
 *     tokens; otherwise they are plain text
 */
public record ChatOptions(
        Optional<String> system,
        Optional<String> template,
        List<Tool> tools,
        int toolRounds,
        Optional<Duration> toolTimeout,
        Optional<Predicate<ToolCall>> approval,
        Optional<BiConsumer<ToolCall, Throwable>> toolFailure,
        boolean parallelToolCalls,
        boolean parseSpecial) {
    private static final ChatOptions DEFAULTS =
            new ChatOptions(
                    Optional.empty(),
                    Optional.empty(),
                    List.of(),
                    8,
                    Optional.empty(),
                    Optional.empty(),
                    Optional.empty(),
                    false,
                    false);

    public ChatOptions {
        Objects.requireNonNull(system, "system");
        Objects.requireNonNull(template, "template");
        tools = List.copyOf(Objects.requireNonNull(tools, "tools"));
        if (tools.stream().map(Tool::name).distinct().count() < tools.size()) {
            throw new IllegalArgumentException("two tools have the same name");
        }
        if (toolRounds < 0) {
            throw new IllegalArgumentException(
                    "toolRounds is " + toolRounds + ", must be 0 or more");
        }
        Objects.requireNonNull(toolTimeout, "toolTimeout");
        if (toolTimeout.isPresent() && !toolTimeout.get().isPositive()) {
            throw new IllegalArgumentException(
                    "toolTimeout is " + toolTimeout.get() + ", must be positive");
        }
        Objects.requireNonNull(approval, "approval");
        Objects.requireNonNull(toolFailure, "toolFailure");
    }

    /**
     * No system message, the model's template, no tools; eight rounds of tool calls without a time
     * limit, calls one after the other, and control tokens in messages as plain text.
     */
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
        for (Tool value : Objects.requireNonNull(values, "tools")) {
            Objects.requireNonNull(value, "tool");
        }
        return with(draft -> draft.tools = List.of(values));
    }

    public ChatOptions withToolRounds(int value) {
        return with(draft -> draft.toolRounds = value);
    }

    public ChatOptions withToolTimeout(Duration value) {
        return with(
                draft ->
                        draft.toolTimeout =
                                Optional.of(Objects.requireNonNull(value, "toolTimeout")));
    }

    public ChatOptions withApproval(Predicate<ToolCall> value) {
        return with(
                draft -> draft.approval = Optional.of(Objects.requireNonNull(value, "approval")));
    }

    public ChatOptions withToolFailure(BiConsumer<ToolCall, Throwable> value) {
        return with(
                draft ->
                        draft.toolFailure =
                                Optional.of(Objects.requireNonNull(value, "toolFailure")));
    }

    public ChatOptions withParallelToolCalls(boolean value) {
        return with(draft -> draft.parallelToolCalls = value);
    }

    public ChatOptions withParseSpecial(boolean value) {
        return with(draft -> draft.parseSpecial = value);
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
        private int toolRounds;
        private Optional<Duration> toolTimeout;
        private Optional<Predicate<ToolCall>> approval;
        private Optional<BiConsumer<ToolCall, Throwable>> toolFailure;
        private boolean parallelToolCalls;
        private boolean parseSpecial;

        Draft(ChatOptions options) {
            system = options.system;
            template = options.template;
            tools = options.tools;
            toolRounds = options.toolRounds;
            toolTimeout = options.toolTimeout;
            approval = options.approval;
            toolFailure = options.toolFailure;
            parallelToolCalls = options.parallelToolCalls;
            parseSpecial = options.parseSpecial;
        }

        ChatOptions options() {
            return new ChatOptions(
                    system,
                    template,
                    tools,
                    toolRounds,
                    toolTimeout,
                    approval,
                    toolFailure,
                    parallelToolCalls,
                    parseSpecial);
        }
    }
}
