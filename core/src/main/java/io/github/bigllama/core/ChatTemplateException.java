package io.github.bigllama.core;

import java.util.List;

/**
 * A chat template, a grammar, or a schema for one that llama.cpp can't use, or a conversation that
 * a template refuses.
 */
public final class ChatTemplateException extends LlamaException {
    private static final long serialVersionUID = 1;

    ChatTemplateException(String message) {
        super(message, List.of(), null);
    }
}
