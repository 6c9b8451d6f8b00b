package io.github.bigllama.core.structure;

import io.github.bigllama.core.exception.LlamaException;
import java.util.List;

/**
 * An answer can't continue within its {@link Grammar}: no token of the vocabulary is allowed next,
 * or the grammar is so ambiguous that checking it takes too long.
 */
public final class GrammarException extends LlamaException {
    private static final long serialVersionUID = 1;

    public GrammarException(String message) {
        super(message, List.of(), null);
    }
}
