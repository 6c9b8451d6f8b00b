package io.github.bigllama.core.option;

import io.github.bigllama.bindings.llama.llama_h;
import java.util.function.IntSupplier;

/** Whether attention is computed by the fused kernel ({@code llama_flash_attn_type}). */
public enum FlashAttention {
    AUTO(llama_h::LLAMA_FLASH_ATTN_TYPE_AUTO),
    DISABLED(llama_h::LLAMA_FLASH_ATTN_TYPE_DISABLED),
    ENABLED(llama_h::LLAMA_FLASH_ATTN_TYPE_ENABLED);

    /** Read on first use: llama.cpp's constants are not available before the library is loaded. */
    private final IntSupplier value;

    FlashAttention(IntSupplier value) {
        this.value = value;
    }

    /** The constant of {@code llama_flash_attn_type}. */
    public int value() {
        return value.getAsInt();
    }
}
