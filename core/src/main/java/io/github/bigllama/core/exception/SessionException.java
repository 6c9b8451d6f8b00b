package io.github.bigllama.core.exception;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A session can't be opened, usually for lack of memory, or its file can't be written or does not
 * fit it.
 */
public final class SessionException extends LlamaException {
    private static final long serialVersionUID = 1;

    public SessionException(String message, List<String> nativeLog) {
        this(message, nativeLog, null);
    }

    public SessionException(String message, List<String> nativeLog, @Nullable Throwable cause) {
        super(message, nativeLog, cause);
    }
}
