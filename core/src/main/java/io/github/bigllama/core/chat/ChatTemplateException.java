package io.github.bigllama.core.chat;

import io.github.bigllama.core.exception.LlamaException;
import java.util.List;

/**
 * A chat template, a grammar, or a schema for one that llama.cpp can't use, or a conversation that
 * a template refuses.
 */
public final class ChatTemplateException extends LlamaException {
    private static final long serialVersionUID = 1;

    public ChatTemplateException(String message) {
        super(message, List.of(), null);
    }
}
