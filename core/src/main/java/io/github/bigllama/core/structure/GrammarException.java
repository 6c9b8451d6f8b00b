package io.github.bigllama.core.structure;

import io.github.bigllama.core.exception.LlamaException;
import java.util.List;

/**
 * An answer that can't go on as its {@link Grammar} has it: no token of the vocabulary may follow,
 * or the grammar can be read in more ways than there is time for.
 */
public final class GrammarException extends LlamaException {
    private static final long serialVersionUID = 1;

    public GrammarException(String message) {
        super(message, List.of(), null);
    }
}
