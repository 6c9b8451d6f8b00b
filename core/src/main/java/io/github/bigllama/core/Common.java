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
            MemorySegment result = call.run(arena, error);
            if (!result.equals(MemorySegment.NULL)) {
                return result;
            }
            throw new ChatTemplateException(action + ": " + reason(error));
        }
    }

    /** Takes what a call has left where it leaves its error. */
    static String reason(MemorySegment error) {
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

    /** The GBNF grammar of JSON of a schema. */
    static String grammar(String schema) {
        requireText(schema);
        return text(
                "cannot make a grammar of the JSON schema",
                (arena, error) ->
                        llama_h.bigllama_schema_to_grammar(arena.allocateFrom(schema), error));
    }

    /**
     * Checks a GBNF grammar before it is used, also for what llama.cpp would end the process on.
     *
     * @throws IllegalArgumentException with the reason, if llama.cpp can't use it
     * @throws NativeLoadException if llama.cpp itself can't be loaded
     */
    static void checkGrammar(String gbnf) {
        requireText(gbnf);
        LlamaRuntime.load();
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment error = arena.allocate(ValueLayout.ADDRESS);
            if (llama_h.bigllama_grammar_check(arena.allocateFrom(gbnf), error) == 0) {
                throw new IllegalArgumentException("the grammar can't be used: " + reason(error));
            }
        }
    }

    /** NUL would end a text where C reads it. */
    static void requireText(String text) {
        if (text.indexOf('\0') >= 0) {
            throw new IllegalArgumentException("text has a NUL character at " + text.indexOf('\0'));
        }
    }
}
