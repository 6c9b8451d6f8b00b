package io.github.bigllama.cli.network;

/** A model can't be downloaded; the message says what, where, and what to do. */
public final class PullException extends RuntimeException {
    private static final long serialVersionUID = 1;

    public PullException(String message) {
        super(message);
    }

    public PullException(String message, Throwable cause) {
        super(message, cause);
    }
}
