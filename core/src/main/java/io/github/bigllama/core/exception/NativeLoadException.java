package io.github.bigllama.core.exception;

import java.util.List;

/** The llama.cpp libraries could not be loaded; the message lists every place tried and why. */
public final class NativeLoadException extends LlamaException {
    private static final long serialVersionUID = 1;

    public NativeLoadException(String message, Throwable cause) {
        super(message, List.of(), cause);
    }
}
