package io.github.bigllama.cli.models;

/** A model can't be downloaded; the message says what, where, and what to do. */
public final class PullException extends RuntimeException {
    private static final long serialVersionUID = 1;

    PullException(String message) {
        super(message);
    }

    PullException(String message, Throwable cause) {
        super(message, cause);
    }
}
