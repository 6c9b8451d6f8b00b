package io.github.bigllama.internal.llama;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.LlamaException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Function;

/** Calls of llama.cpp's C++ libraries through {@code bigllama.h}: JSON in, JSON out. */
public final class Shim {
    private Shim() {}

    /** A call that gives a text or a pointer, or NULL and an error. */
    public interface Call {
        MemorySegment run(Arena arena, MemorySegment error);
    }

    /** Gives what a call does as text. */
    public static String text(Function<String, LlamaException> failure, String action, Call call) {
        MemorySegment result = pointer(failure, action, call);
        try {
            return string(result);
        } finally {
            llama_h.bigllama_text_free(result);
        }
    }

    /**
     * Gives what a call does.
     *
     * @param failure makes the exception to throw, of the action and llama.cpp's reason
     * @param action what can't be done if it fails
     */
    public static MemorySegment pointer(
            Function<String, LlamaException> failure, String action, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
            MemorySegment result = call.run(arena, error);
            if (!result.equals(MemorySegment.NULL)) {
                return result;
            }
            throw failure.apply(action + ": " + reason(error));
        }
    }

    /** Takes what a call has left where it leaves its error. */
    public static String reason(MemorySegment error) {
        MemorySegment reason = error.get(ValueLayout.ADDRESS, 0);
        String message = reason.equals(MemorySegment.NULL) ? "out of memory" : string(reason);
        llama_h.bigllama_text_free(reason);
        return oneLine(message);
    }

    @SuppressWarnings("restricted")
    private static String string(MemorySegment text) {
        return text.reinterpret(Long.MAX_VALUE).getString(0);
    }

    /** A template's own errors show where it failed, over many lines. */
    private static String oneLine(String message) {
        String line = message.strip().replaceAll("\\s+", " ");
        return line.length() <= 300 ? line : line.substring(0, 300) + "…";
    }

    /** NUL would end a text where C reads it. */
    public static void requireText(String text) {
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("text has a NUL character at " + text.indexOf('\0'));
        }
    }
}
