package io.github.bigllama.core.option;

import io.github.bigllama.bindings.llama.llama_h;

/** Whether attention is computed by the fused kernel ({@code llama_flash_attn_type}). */
public enum FlashAttention {
    AUTO(llama_h.LLAMA_FLASH_ATTN_TYPE_AUTO()),
    DISABLED(llama_h.LLAMA_FLASH_ATTN_TYPE_DISABLED()),
    ENABLED(llama_h.LLAMA_FLASH_ATTN_TYPE_ENABLED());

    private final int value;

    FlashAttention(int value) {
        this.value = value;
    }

    /** The constant of {@code llama_flash_attn_type}. */
    public int value() {
        return value;
    }
}
