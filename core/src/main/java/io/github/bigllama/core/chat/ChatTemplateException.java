package io.github.bigllama.core.chat;

import io.github.bigllama.core.exception.LlamaException;
import java.util.List;

/**
 * llama.cpp can't use a chat template, or a grammar or a schema; or a template refuses a
 * conversation.
 */
public final class ChatTemplateException extends LlamaException {
    private static final long serialVersionUID = 1;

    public ChatTemplateException(String message) {
        super(message, List.of(), null);
    }
}
