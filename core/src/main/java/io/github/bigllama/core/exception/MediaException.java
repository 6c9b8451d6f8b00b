package io.github.bigllama.core.exception;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An image or a sound can't be read or decoded, is too large, or is nothing that the model can
 * take, because its projector is for something else or it has none.
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
