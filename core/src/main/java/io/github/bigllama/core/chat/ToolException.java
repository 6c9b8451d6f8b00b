package io.github.bigllama.core.chat;

/**
 * A tool can't do what it was asked for, and the model is to know why: it reads the message. Of
 * anything else that a tool throws the model learns only that the tool has failed.
 */
public final class ToolException extends RuntimeException {
    private static final long serialVersionUID = 1;

    /** With what the model is told. */
    public ToolException(String message) {
        super(message);
    }

    /** With what the model is told, and with what only the program sees. */
    public ToolException(String message, Throwable cause) {
        super(message, cause);
    }
}
