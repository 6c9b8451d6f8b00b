package io.github.bigllama.core.option;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.gguf.GgmlType;
import java.util.function.IntSupplier;

/**
 * The data type of the keys or values in the KV cache: those {@code ggml_type}s that llama.cpp
 * allows there. A quantized type for the values needs flash attention.
 */
public enum KvType {
    F32(llama_h::GGML_TYPE_F32),
    F16(llama_h::GGML_TYPE_F16),
    BF16(llama_h::GGML_TYPE_BF16),
    Q8_0(llama_h::GGML_TYPE_Q8_0),
    Q5_1(llama_h::GGML_TYPE_Q5_1),
    Q5_0(llama_h::GGML_TYPE_Q5_0),
    Q4_1(llama_h::GGML_TYPE_Q4_1),
    Q4_0(llama_h::GGML_TYPE_Q4_0),
    IQ4_NL(llama_h::GGML_TYPE_IQ4_NL);

    /** Read on first use: llama.cpp's constants are not available before the library is loaded. */
    private final IntSupplier value;

    KvType(IntSupplier value) {
        this.value = value;
    }

    /** Bytes per element, including its share of the scales. */
    public double bytesPerElement() {
        return GgmlType.ofId(value()).orElseThrow().bitsPerElement() / 8;
    }

    /** The constant of {@code ggml_type}. */
    public int value() {
        return value.getAsInt();
    }

    /** Whether values are rounded to fewer than 16 bits. */
    boolean isQuantized() {
        return bytesPerElement() < 2;
    }
}
