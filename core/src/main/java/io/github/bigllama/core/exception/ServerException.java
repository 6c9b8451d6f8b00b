package io.github.bigllama.core.exception;

import java.util.List;

/** A server can't be started, or has ended with an error. */
public final class ServerException extends LlamaException {
    private static final long serialVersionUID = 1;

    public ServerException(String message) {
        super(message, List.of(), null);
    }
}
