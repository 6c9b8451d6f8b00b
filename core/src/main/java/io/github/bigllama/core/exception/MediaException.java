package io.github.bigllama.core.exception;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An image or a sound can't be read, is too large, or is nothing that the projector of the model
 * can take.
 */
public final class MediaException extends LlamaException {
    private static final long serialVersionUID = 1;

    public MediaException(String message) {
        this(message, null);
    }

    public MediaException(String message, @Nullable Throwable cause) {
        super(message, List.of(), cause);
    }
}
