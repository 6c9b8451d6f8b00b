package io.github.bigllama.core.quantize;

import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.gguf.GgmlType;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.function.IntSupplier;

/**
 * The quantizations that llama.cpp offers ({@code llama_ftype}), with the names that llama-quantize
 * uses. Most are mixtures: most matrices get the type in the name, and those that suffer most get
 * types of more bits. Vectors and a few small matrices keep their type.
 */
public enum Quantization {
    F32(llama_h::LLAMA_FTYPE_ALL_F32, GgmlType.F32, "32-bit floats"),
    F16(llama_h::LLAMA_FTYPE_MOSTLY_F16, GgmlType.F16, "16-bit floats"),
    BF16(llama_h::LLAMA_FTYPE_MOSTLY_BF16, GgmlType.BF16, "16-bit floats with the range of F32"),
    Q8_0(llama_h::LLAMA_FTYPE_MOSTLY_Q8_0, GgmlType.Q8_0, "hardly distinguishable from 16 bits"),
    Q6_K(llama_h::LLAMA_FTYPE_MOSTLY_Q6_K, GgmlType.Q6_K, "nearly as good as Q8_0"),
    Q5_K_M(
            llama_h::LLAMA_FTYPE_MOSTLY_Q5_K_M,
            GgmlType.Q5_K,
            "Q6_K for half of attn_v and ffn_down"),
    Q5_K_S(llama_h::LLAMA_FTYPE_MOSTLY_Q5_K_S, GgmlType.Q5_K, "Q5_K except for the output"),
    Q5_1(llama_h::LLAMA_FTYPE_MOSTLY_Q5_1, GgmlType.Q5_1, "older than Q5_K"),
    Q5_0(llama_h::LLAMA_FTYPE_MOSTLY_Q5_0, GgmlType.Q5_0, "older than Q5_K"),
    Q4_K_M(
            llama_h::LLAMA_FTYPE_MOSTLY_Q4_K_M,
            GgmlType.Q4_K,
            "Q6_K for half of attn_v and ffn_down: the usual choice"),
    Q4_K_S(
            llama_h::LLAMA_FTYPE_MOSTLY_Q4_K_S,
            GgmlType.Q4_K,
            "Q5_K for attn_v and ffn_down of the first layers"),
    Q4_1(llama_h::LLAMA_FTYPE_MOSTLY_Q4_1, GgmlType.Q4_1, "older than Q4_K"),
    Q4_0(llama_h::LLAMA_FTYPE_MOSTLY_Q4_0, GgmlType.Q4_0, "older than Q4_K"),
    IQ4_NL(llama_h::LLAMA_FTYPE_MOSTLY_IQ4_NL, GgmlType.IQ4_NL, "uneven steps"),
    IQ4_XS(llama_h::LLAMA_FTYPE_MOSTLY_IQ4_XS, GgmlType.IQ4_XS, "uneven steps"),
    MXFP4_MOE(
            llama_h::LLAMA_FTYPE_MOSTLY_MXFP4_MOE,
            GgmlType.MXFP4,
            "MXFP4 for experts, Q8_0 for the rest"),
    Q3_K_L(
            llama_h::LLAMA_FTYPE_MOSTLY_Q3_K_L,
            GgmlType.Q3_K,
            "Q5_K for attn_v, attn_output and ffn_down"),
    Q3_K_M(
            llama_h::LLAMA_FTYPE_MOSTLY_Q3_K_M,
            GgmlType.Q3_K,
            "Q4_K for attn_v, attn_output and ffn_down"),
    Q3_K_S(llama_h::LLAMA_FTYPE_MOSTLY_Q3_K_S, GgmlType.Q3_K, "Q3_K except for the output"),
    IQ3_M(llama_h::LLAMA_FTYPE_MOSTLY_IQ3_M, GgmlType.IQ3_S, "Q4_K for attn_v and attn_output"),
    IQ3_S(llama_h::LLAMA_FTYPE_MOSTLY_IQ3_S, GgmlType.IQ3_S, "IQ3_S except for the output"),
    IQ3_XS(
            llama_h::LLAMA_FTYPE_MOSTLY_IQ3_XS,
            GgmlType.IQ3_S,
            "IQ3_XXS for attn_q and attn_k; needs an importance matrix"),
    IQ3_XXS(llama_h::LLAMA_FTYPE_MOSTLY_IQ3_XXS, GgmlType.IQ3_XXS, "needs an importance matrix"),
    Q2_K(
            llama_h::LLAMA_FTYPE_MOSTLY_Q2_K,
            GgmlType.Q2_K,
            "Q3_K for attn_v, attn_output and ffn_down"),
    Q2_K_S(llama_h::LLAMA_FTYPE_MOSTLY_Q2_K_S, GgmlType.Q2_K, "needs an importance matrix"),
    IQ2_M(llama_h::LLAMA_FTYPE_MOSTLY_IQ2_M, GgmlType.IQ2_S, "needs an importance matrix"),
    IQ2_S(llama_h::LLAMA_FTYPE_MOSTLY_IQ2_S, GgmlType.IQ2_XS, "needs an importance matrix"),
    IQ2_XS(llama_h::LLAMA_FTYPE_MOSTLY_IQ2_XS, GgmlType.IQ2_XS, "needs an importance matrix"),
    IQ2_XXS(llama_h::LLAMA_FTYPE_MOSTLY_IQ2_XXS, GgmlType.IQ2_XXS, "needs an importance matrix"),
    Q2_0(llama_h::LLAMA_FTYPE_MOSTLY_Q2_0, GgmlType.Q2_0, "four values"),
    TQ2_0(
            llama_h::LLAMA_FTYPE_MOSTLY_TQ2_0,
            GgmlType.TQ2_0,
            "for models trained with three " + "values"),
    TQ1_0(
            llama_h::LLAMA_FTYPE_MOSTLY_TQ1_0,
            GgmlType.TQ1_0,
            "for models trained with three " + "values, packed tighter"),
    IQ1_M(llama_h::LLAMA_FTYPE_MOSTLY_IQ1_M, GgmlType.IQ1_M, "needs an importance matrix"),
    IQ1_S(llama_h::LLAMA_FTYPE_MOSTLY_IQ1_S, GgmlType.IQ1_S, "needs an importance matrix"),
    Q1_0(llama_h::LLAMA_FTYPE_MOSTLY_Q1_0, GgmlType.Q1_0, "two values"),
    /** Every tensor as it is; joins the files of a model in parts. */
    COPY(
            llama_h::LLAMA_FTYPE_ALL_F32,
            null,
            "every tensor as it is; joins the files of a model " + "in parts");

    /** Read on first use: llama.cpp's constants are not available before the library is loaded. */
    private final IntSupplier value;

    private final GgmlType tensorType;
    private final String description;

    Quantization(IntSupplier value, GgmlType tensorType, String description) {
        this.value = value;
        this.tensorType = tensorType;
        this.description = description;
    }

    /**
     * The quantization with a name, in upper or lower case; {@code Q3_K}, {@code Q4_K} and {@code
     * Q5_K} are short for {@code Q3_K_M} and so on.
     */
    public static Optional<Quantization> ofName(String name) {
        Objects.requireNonNull(name, "name");
        String upper = name.toUpperCase(Locale.ROOT);
        for (Quantization quantization : values()) {
            String constant = quantization.name();
            if (constant.equals(upper)
                    || constant.equals(upper + "_M") && upper.matches("Q[345]_K")) {
                return Optional.of(quantization);
            }
        }
        return Optional.empty();
    }

    /** The type of most matrices; empty for {@link #COPY}. */
    public Optional<GgmlType> tensorType() {
        return Optional.ofNullable(tensorType);
    }

    /** How this quantization differs from others, in a few words. */
    public String description() {
        return description;
    }

    /**
     * Whether matrices are stored as blocks of integers: only then does llama.cpp choose types by
     * tensor.
     */
    boolean isQuantized() {
        return tensorType != null && tensorType.blockSize() > 1;
    }

    /** The constant of {@code llama_ftype}; for {@link #COPY} llama.cpp ignores it. */
    int value() {
        return value.getAsInt();
    }
}
