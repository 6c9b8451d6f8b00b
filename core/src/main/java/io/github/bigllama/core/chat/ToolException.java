package io.github.bigllama.core.chat;

/**
 * Thrown by a tool that can't do what it was asked for: the model is told the message. Of any other
 * exception the model learns only that the tool has failed.
 */
public final class ToolException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** With the message for the model. */
    public ToolException(String message) {
        super(message);
    }

    /** With the message for the model, and a cause that only the program sees. */
    public ToolException(String message, Throwable cause) {
        super(message, cause);
    }
}
