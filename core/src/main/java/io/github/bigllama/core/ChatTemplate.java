package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.llama_chat_message;
import io.github.bigllama.bindings.llama.llama_h;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Writes a chat as the text that a model was trained on ({@code llama_chat_apply_template}). */
final class ChatTemplate {
    private final String template;

    /**
     * A template.
     *
     * @param template the Jinja source that a model carries, or the name of one of llama.cpp's
     *     built-in templates
     * @throws ChatTemplateException if llama.cpp does not recognize it
     */
    ChatTemplate(String template) {
        this.template = template;
        apply(List.of(new ChatMessage(Role.USER, "?")), true);
    }

    /** The names of the built-in templates. */
    static List<String> names() {
        int n = llama_h.llama_chat_builtin_templates(MemorySegment.NULL, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pointers = arena.allocate(llama_h.C_POINTER, n);
            llama_h.llama_chat_builtin_templates(pointers, n);
            List<String> names = new ArrayList<>();
            for (int i = 0; i < n; i++) {
                names.add(pointers.getAtIndex(llama_h.C_POINTER, i).getString(0));
            }
            return names;
        }
    }

    /**
     * Writes messages.
     *
     * @param openAnswer whether the text ends with the beginning of an answer
     */
    String apply(List<ChatMessage> messages, boolean openAnswer) {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment chat = llama_chat_message.allocateArray(messages.size(), arena);
            long capacity = 256;
            for (int i = 0; i < messages.size(); i++) {
                MemorySegment message = llama_chat_message.asSlice(chat, i);
                MemorySegment content = arena.allocateFrom(messages.get(i).content());
                llama_chat_message.role(
                        message, arena.allocateFrom(messages.get(i).role().toString()));
                llama_chat_message.content(message, content);
                capacity += 2 * content.byteSize() + 64;
            }
            MemorySegment source = arena.allocateFrom(template);
            while (true) {
                if (capacity > Integer.MAX_VALUE) {
                    throw new IllegalArgumentException("chat of more than 1 GiB of text");
                }
                MemorySegment out = arena.allocate(capacity);
                int n =
                        llama_h.llama_chat_apply_template(
                                source, chat, messages.size(), openAnswer, out, (int) capacity);
                if (n < 0) {
                    throw new ChatTemplateException(
                            "llama.cpp does not know this chat template: "
                                    + abbreviate(template)
                                    + "; choose a built-in one by name: "
                                    + String.join(", ", names()));
                }
                if (n <= capacity) {
                    byte[] bytes = out.asSlice(0, n).toArray(ValueLayout.JAVA_BYTE);
                    return new String(bytes, StandardCharsets.UTF_8);
                }
                capacity = n;
            }
        }
    }

    private static String abbreviate(String text) {
        String line = text.strip().replaceAll("\\s+", " ");
        return line.length() <= 60 ? line : line.substring(0, 60) + "…";
    }
}
