package io.github.bigllama.core.structure;

import io.github.bigllama.core.exception.LlamaException;
import java.util.List;

/** A grammar or a JSON schema that llama.cpp can't use, with its reason. */
public final class GrammarException extends LlamaException {
    private static final long serialVersionUID = 1;

    public GrammarException(String message) {
        super(message, List.of(), null);
    }
}
