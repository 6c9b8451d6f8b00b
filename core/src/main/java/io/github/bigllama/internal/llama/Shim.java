package io.github.bigllama.internal.llama;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.exception.LlamaException;
import io.github.bigllama.internal.text.Text;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.function.Function;
import java.util.function.ToIntBiFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Calls of llama.cpp's C++ libraries through {@code bigllama.h}: JSON in, JSON out. */
public final class Shim {
    private Shim() {}

    /** A call that returns a text or another pointer, or NULL and an error. */
    public interface Call {
        MemorySegment run(Arena arena, MemorySegment error);
    }

    /** Makes a call and returns its text. */
    public static String text(Function<String, LlamaException> failure, String action, Call call) {
        MemorySegment result = pointer(failure, action, call);
        try {
            return string(result);
        } finally {
            llama_h.bigllama_text_free(result);
        }
    }

    /**
     * Makes a call and returns its pointer.
     *
     * @param failure makes the exception to throw from the action and llama.cpp's reason
     * @param action the beginning of the message if the call fails
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

    /**
     * Makes a call and returns its number, which is negative after an error.
     *
     * @param failure makes the exception to throw from the action and llama.cpp's reason
     * @param action the beginning of the message if the call fails
     */
    public static int number(
            Function<String, LlamaException> failure,
            String action,
            ToIntBiFunction<Arena, MemorySegment> call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
            int result = call.applyAsInt(arena, error);
            if (result >= 0) {
                return result;
            }
            throw failure.apply(action + ": " + reason(error));
        }
    }

    /** What llama.cpp's template engine says: greedy, because errors contain those of macros. */
    private static final Pattern TEMPLATE_ERROR =
            Pattern.compile(
                    ".*While executing \\w+ at line (?<line>\\d+), column (?<column>\\d+) in source:"
                            + ".*?\\R *Error: (?<refusal>Jinja Exception: )?(?<reason>.*)",
                    Pattern.DOTALL);

    /** Takes the error of a failed call. */
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

    /**
     * Errors in a template show the place over many lines, and the reason, which people need first,
     * at the end; a template's own refusal needs no place.
     */
    static String oneLine(String message) {
        Matcher template = TEMPLATE_ERROR.matcher(message);
        String text = message;
        if (template.matches()) {
            text = template.group("reason");
            if (template.group("refusal") == null) {
                text +=
                        " (line %s, column %s of the template)"
                                .formatted(template.group("line"), template.group("column"));
            }
        }
        String line = text.strip().replaceAll("\\s+", " ");
        return line.length() <= 300 ? line : line.substring(0, 300) + "…";
    }

    /** Refuses a NUL, at which C would end the text, and what UTF-8 has no bytes for. */
    public static void requireText(String text) {
        Text.requireWhole("the text", text);
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException(
                    "the text has a NUL character at index " + text.indexOf('\0'));
        }
    }
}
