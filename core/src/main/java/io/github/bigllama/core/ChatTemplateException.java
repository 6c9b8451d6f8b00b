package io.github.bigllama.core;

import java.util.List;

/** A chat template that llama.cpp's {@code llama_chat_apply_template} does not know. */
public final class ChatTemplateException extends LlamaException {
    private static final long serialVersionUID = 1;

    ChatTemplateException(String message) {
        super(message, List.of(), null);
    }
}
