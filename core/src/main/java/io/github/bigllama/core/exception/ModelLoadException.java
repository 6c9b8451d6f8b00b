package io.github.bigllama.core.exception;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A model file can't be loaded: it is missing, damaged or not a GGUF, or llama.cpp refuses it. */
public final class ModelLoadException extends LlamaException {
    private static final long serialVersionUID = 1;

    private final transient Path path;

    public ModelLoadException(
            Path path, String message, List<String> nativeLog, @Nullable Throwable cause) {
        super(message, nativeLog, cause);
        this.path = path;
    }

    /** The file that could not be loaded; null after deserialization. */
    public Path path() {
        return path;
    }
}
