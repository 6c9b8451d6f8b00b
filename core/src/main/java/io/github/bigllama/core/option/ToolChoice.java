package io.github.bigllama.core.option;

import java.util.Objects;

/**
 * Whether an answer may, or must, call tools; OpenAI's {@code tool_choice}.
 *
 * @param mode the kind of choice
 * @param tool the name of the tool, with {@link Mode#TOOL}; else empty
 */
public record ToolChoice(Mode mode, String tool) {
    /** The kinds of choice. */
    public enum Mode {
        /** The model decides. */
        AUTO,
        /** The model must not call a tool. */
        NONE,
        /** The model must call at least one tool. */
        REQUIRED,
        /** The model must call a certain tool. */
        TOOL
    }

    /** The model decides. */
    public static final ToolChoice AUTO = new ToolChoice(Mode.AUTO, "");

    /** The model must not call any tool. */
    public static final ToolChoice NONE = new ToolChoice(Mode.NONE, "");

    /** The model must call at least one tool. */
    public static final ToolChoice REQUIRED = new ToolChoice(Mode.REQUIRED, "");

    public ToolChoice {
        Objects.requireNonNull(mode, "mode");
        Objects.requireNonNull(tool, "tool");
        if (tool.isEmpty() == (mode == Mode.TOOL)) {
            throw new IllegalArgumentException(
                    "a tool must be named with mode TOOL, and with no other mode");
        }
    }

    /** The model must call this tool. */
    public static ToolChoice of(String tool) {
        return new ToolChoice(Mode.TOOL, tool);
    }
}
