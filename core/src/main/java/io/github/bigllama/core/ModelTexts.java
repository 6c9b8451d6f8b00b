package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.internal.llama.NativeHandle;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/** What llama.cpp says of a model in words. */
final class ModelTexts {
    private final NativeHandle handle;

    ModelTexts(NativeHandle handle) {
        this.handle = handle;
    }

    /** The kind and size of a model with this many weights. */
    String description(long parameters) {
        // llama.cpp knows the names of the sizes that are usual for an architecture.
        return text(llama_h::llama_model_desc).replace(" ?B ", " " + size(parameters) + " ");
    }

    private static String size(long parameters) {
        double millions = parameters / 1e6;
        return millions < 1000
                ? String.format(Locale.ROOT, "%.1fM", millions)
                : String.format(Locale.ROOT, "%.1fB", millions / 1000);
    }

    /** The metadata, with long arrays shortened. */
    Map<String, String> metadata() {
        MemorySegment pointer = handle.pointer();
        Map<String, String> metadata = new LinkedHashMap<>();
        for (int i = 0; i < llama_h.llama_model_meta_count(pointer); i++) {
            int index = i;
            metadata.put(
                    text((m, b, n) -> llama_h.llama_model_meta_key_by_index(m, index, b, n)),
                    text((m, b, n) -> llama_h.llama_model_meta_val_str_by_index(m, index, b, n)));
        }
        return metadata;
    }

    /** The Jinja source of the chat template, if there is one. */
    Optional<String> chatTemplate() {
        return template(MemorySegment.NULL);
    }

    /** A template that is only for one purpose, if there is one. */
    Optional<String> template(String purpose) {
        try (Arena arena = Arena.ofConfined()) {
            return template(arena.allocateFrom(purpose));
        }
    }

    private Optional<String> template(MemorySegment name) {
        MemorySegment template = llama_h.llama_model_chat_template(handle.pointer(), name);
        return template.equals(MemorySegment.NULL)
                ? Optional.empty()
                : Optional.of(template.getString(0));
    }

    /** A C function that writes a string into a buffer and returns the length it needs. */
    private interface TextFunction {
        int write(MemorySegment model, MemorySegment buffer, long capacity);
    }

    private String text(TextFunction function) {
        try (Arena arena = Arena.ofConfined()) {
            int capacity = 256;
            while (true) {
                MemorySegment buffer = arena.allocate(capacity);
                int length = function.write(handle.pointer(), buffer, capacity);
                if (length < capacity) {
                    return buffer.getString(0, StandardCharsets.UTF_8);
                }
                capacity = length + 1;
            }
        }
    }
}
