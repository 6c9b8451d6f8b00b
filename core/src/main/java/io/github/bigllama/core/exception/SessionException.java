package io.github.bigllama.core.exception;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A session, an embedder, a reranker or the context of a server can't be opened: too little RAM,
 * another kind of model, or one without weights. Or a session file can't be written or read, or
 * does not fit the session.
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
