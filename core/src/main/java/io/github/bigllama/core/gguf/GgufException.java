package io.github.bigllama.core.gguf;

import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A GGUF file can't be used. The message is one line with the file, the problem and the numbers
 * that show it, the byte offset where that is known, and what to do.
 */
public final class GgufException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    /** The kind of problem, for callers that react differently to each. */
    public enum Problem {
        /** No file with this name. */
        NOT_FOUND,
        /** A folder, a pipe or a device. */
        NOT_A_FILE,
        /** The file exists but cannot be opened or read. */
        UNREADABLE,
        /** The file does not start like a GGUF file. */
        NOT_GGUF,
        /** A GGUF version that llama.cpp does not read. */
        UNSUPPORTED_VERSION,
        /** Written for machines of the other byte order. */
        BYTE_ORDER,
        /** The file ends too early. */
        TRUNCATED,
        /** The header contradicts itself or the file. */
        DAMAGED,
        /** A part of a model in several files is missing, or belongs to another model. */
        SPLIT,
        /** A readable file whose contents llama.cpp cannot run, or would crash on. */
        UNUSABLE
    }

    private final Problem problem;
    private final transient String file;
    private final long offset;

    public GgufException(Problem problem, String file, long offset, String message) {
        this(problem, file, offset, message, null);
    }

    public GgufException(
            Problem problem, String file, long offset, String message, @Nullable Throwable cause) {
        super(file + ": " + message, cause);
        this.problem = problem;
        this.file = file;
        this.offset = offset;
    }

    public GgufException(Problem problem, String file, String message) {
        this(problem, file, -1, message, null);
    }

    /** The kind of failure. */
    public Problem problem() {
        return problem;
    }

    /** The file that is unusable or missing; {@code null} only after deserialization. */
    public String file() {
        return file;
    }

    /** The byte offset in the file where the problem was found, if it has one. */
    public OptionalLong offset() {
        return offset < 0 ? OptionalLong.empty() : OptionalLong.of(offset);
    }
}
