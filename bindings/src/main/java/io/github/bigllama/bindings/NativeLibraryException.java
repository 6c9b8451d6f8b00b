package io.github.bigllama.bindings;

/**
 * llama.cpp's native library cannot be loaded. The first line of the message is a summary; the
 * other lines name every place that was tried, why it failed, and what to do.
 */
public final class NativeLibraryException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NativeLibraryException(String message, Throwable cause) {
        super(message, cause);
    }
}
