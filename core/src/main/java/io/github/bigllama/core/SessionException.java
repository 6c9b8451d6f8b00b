package io.github.bigllama.core;

import java.util.List;

/** llama.cpp could not create the context of a session, usually for lack of memory. */
public final class SessionException extends LlamaException {
    private static final long serialVersionUID = 1;

    SessionException(String message, List<String> nativeLog) {
        super(message, nativeLog, null);
    }
}
