package io.github.bigllama.core.option;

import io.github.bigllama.bindings.llama.llama_h;
import java.util.function.IntSupplier;

/** How the vectors of a text's tokens become one vector. */
public enum Pooling {
    /** As the model's file says ({@code pooling_type}); {@link #MEAN} if it says nothing. */
    MODEL(llama_h::LLAMA_POOLING_TYPE_UNSPECIFIED),
    /** The mean of all tokens' vectors. */
    MEAN(llama_h::LLAMA_POOLING_TYPE_MEAN),
    /** The vector of the first token, as of BERT's {@code [CLS]}. */
    CLS(llama_h::LLAMA_POOLING_TYPE_CLS),
    /** The vector of the last token. */
    LAST(llama_h::LLAMA_POOLING_TYPE_LAST);

    /** Read on first use: llama.cpp's constants are not available before the library is loaded. */
    private final IntSupplier value;

    Pooling(IntSupplier value) {
        this.value = value;
    }

    /** The value of llama.cpp's {@code enum llama_pooling_type}. */
    public int value() {
        return value.getAsInt();
    }
}
