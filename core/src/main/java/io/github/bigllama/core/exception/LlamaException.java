package io.github.bigllama.core.exception;

import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * An error in llama.cpp or before it. The message says which file, which numbers, and what to do.
 *
 * <p>Misuse of this library (a closed session, two threads in one session, an option out of range)
 * is not one of these: it throws {@link IllegalStateException}, {@link WrongThreadException} or
 * {@link IllegalArgumentException}.
 */
public abstract class LlamaException extends RuntimeException {
    private static final long serialVersionUID = 1;

    private final String[] nativeLog;

    /**
     * With the lines that llama.cpp logged during the failed call, oldest first; the last one is
     * appended to the message.
     */
    protected LlamaException(String message, List<String> nativeLog, @Nullable Throwable cause) {
        super(withLog(message, nativeLog), cause);
        this.nativeLog = nativeLog.toArray(String[]::new);
    }

    /** The last warnings and errors that llama.cpp logged during the failed call, oldest first. */
    public List<String> nativeLog() {
        return List.of(nativeLog);
    }

    /** What llama.cpp logs after the reason, when it gives up. */
    private static final Pattern CONSEQUENCE =
            Pattern.compile("failed to (load model|create context|initialize the context$)");

    /**
     * llama.cpp's last line that is not only a consequence is nearly always the reason, so it
     * belongs in the one-line message.
     */
    private static String withLog(String message, List<String> nativeLog) {
        if (nativeLog.isEmpty()) {
            return message;
        }
        String reason =
                nativeLog.reversed().stream()
                        .filter(line -> !CONSEQUENCE.matcher(line).find())
                        .findFirst()
                        .orElse(nativeLog.getLast());
        return message + " (llama.cpp: " + reason + ")";
    }
}
