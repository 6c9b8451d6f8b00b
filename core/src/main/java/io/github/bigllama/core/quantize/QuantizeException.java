package io.github.bigllama.core.quantize;

import io.github.bigllama.core.exception.LlamaException;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model can't be quantized as asked for: it is damaged or quantized already, an importance matrix
 * is missing or belongs to another model, or the result can't be written.
 */
public final class QuantizeException extends LlamaException {
    private static final long serialVersionUID = 1;

    private final transient Path path;

    public QuantizeException(Path path, String message) {
        this(path, message, List.of(), null);
    }

    public QuantizeException(
            Path path, String message, List<String> nativeLog, @Nullable Throwable cause) {
        super(message, nativeLog, cause);
        this.path = path;
    }

    /** The file that is at fault; null after deserialization. */
    public Path path() {
        return path;
    }
}
