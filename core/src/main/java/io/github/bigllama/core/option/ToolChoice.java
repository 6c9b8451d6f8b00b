package io.github.bigllama.core.option;

import java.util.Objects;

/**
 * Whether an answer may, or must, call tools; OpenAI's {@code tool_choice}.
 *
 * @param mode which of the kinds
 * @param tool the name of the only tool that there is, with {@link Mode#TOOL}; else empty
 */
public record ToolChoice(Mode mode, String tool) {
    /** The kinds of choice. */
    public enum Mode {
        /** The model decides. */
        AUTO,
        /** It must not call any. */
        NONE,
        /** It must call at least one. */
        REQUIRED,
        /** It must call a certain one. */
        TOOL
    }

    /** The model decides. */
    public static final ToolChoice AUTO = new ToolChoice(Mode.AUTO, "");

    /** The model must not call any tool. */
    public static final ToolChoice NONE = new ToolChoice(Mode.NONE, "");

    /** The model must call a tool. */
    public static final ToolChoice REQUIRED = new ToolChoice(Mode.REQUIRED, "");

    public ToolChoice {
        Objects.requireNonNull(mode, "mode");
        Objects.requireNonNull(tool, "tool");
        if (tool.isEmpty() == (mode == Mode.TOOL)) {
            throw new IllegalArgumentException(
                    "a tool is named for the choice of one tool, and for no other");
        }
    }

    /** The model must call this tool. */
    public static ToolChoice of(String tool) {
        return new ToolChoice(Mode.TOOL, tool);
    }
}
