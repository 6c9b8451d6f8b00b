package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Calls of llama.cpp's {@code common} library, through {@code bigllama.h}: JSON in, JSON out. */
final class Common {
    private Common() {}

    /** A call that gives a text or a pointer, or NULL and an error. */
    interface Call {
        MemorySegment run(Arena arena, MemorySegment error);
    }

    /** Gives what a call does as text. */
    static String text(String action, Call call) {
        MemorySegment result = pointer(action, call);
        try {
            return string(result);
        } finally {
            llama_h.bigllama_text_free(result);
        }
    }

    /**
     * Gives what a call does.
     *
     * @param action what can't be done if it fails
     * @throws ChatTemplateException with llama.cpp's reason
     */
    static MemorySegment pointer(String action, Call call) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
            MemorySegment result;
            try {
                result = call.run(arena, error);
            } catch (ExceptionInInitializerError | NoClassDefFoundError e) {
                // jextract's way to say that a symbol is not there.
                throw new ChatTemplateException(
                        action
                                + ": the llama.cpp that was loaded has no libbigllama, which comes with bigllama's own; leave out bigllama.library.path");
            }
            if (!result.equals(MemorySegment.NULL)) {
                return result;
            }
            MemorySegment reason = error.get(ValueLayout.ADDRESS, 0);
            String message = reason.equals(MemorySegment.NULL) ? "out of memory" : string(reason);
            llama_h.bigllama_text_free(reason);
            throw new ChatTemplateException(action + ": " + oneLine(message));
        }
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

    /** The GBNF grammar of JSON of a schema. */
    static String grammar(String schema) {
        requireText(schema);
        return text(
                "cannot make a grammar of the JSON schema",
                (arena, error) ->
                        llama_h.bigllama_schema_to_grammar(arena.allocateFrom(schema), error));
    }

    /** NUL would end a text where C reads it. */
    static void requireText(String text) {
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("text has a NUL character at " + text.indexOf('\0'));
        }
    }
}
