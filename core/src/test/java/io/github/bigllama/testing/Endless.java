package io.github.bigllama.testing;

import io.github.bigllama.core.LlamaModel;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Answers that end only where a test wants them to. */
public final class Endless {
    private Endless() {}

    /** Biases with which a model never chooses a token that ends its answer. */
    public static Map<Integer, Float> logitBias(LlamaModel model) {
        return IntStream.range(0, model.vocabularySize())
                .filter(model.tokenizer()::isEndOfGeneration)
                .boxed()
                .collect(Collectors.toMap(token -> token, token -> Float.NEGATIVE_INFINITY));
    }
}
