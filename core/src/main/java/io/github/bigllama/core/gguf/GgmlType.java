package io.github.bigllama.core.gguf;

import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The types that a tensor's elements can have in a GGUF file: all types of llama.cpp v0.5.0
 * (ggml.h, ggml.c), including removed ones that it no longer reads.
 */
public enum GgmlType {
    F32(0, "f32", 1, 4),
    F16(1, "f16", 1, 2),
    Q4_0(2, "q4_0", 32, 18),
    Q4_1(3, "q4_1", 32, 20),
    Q4_2(4, "q4_2", "support ended in May 2023"),
    Q4_3(5, "q4_3", "support ended in May 2023"),
    Q5_0(6, "q5_0", 32, 22),
    Q5_1(7, "q5_1", 32, 24),
    Q8_0(8, "q8_0", 32, 34),
    Q8_1(9, "q8_1", 32, 36),
    Q2_K(10, "q2_K", 256, 84),
    Q3_K(11, "q3_K", 256, 110),
    Q4_K(12, "q4_K", 256, 144),
    Q5_K(13, "q5_K", 256, 176),
    Q6_K(14, "q6_K", 256, 210),
    Q8_K(15, "q8_K", 256, 292),
    IQ2_XXS(16, "iq2_xxs", 256, 66),
    IQ2_XS(17, "iq2_xs", 256, 74),
    IQ3_XXS(18, "iq3_xxs", 256, 98),
    IQ1_S(19, "iq1_s", 256, 50),
    IQ4_NL(20, "iq4_nl", 32, 18),
    IQ3_S(21, "iq3_s", 256, 110),
    IQ2_S(22, "iq2_s", 256, 82),
    IQ4_XS(23, "iq4_xs", 256, 136),
    I8(24, "i8", 1, 1),
    I16(25, "i16", 1, 2),
    I32(26, "i32", 1, 4),
    I64(27, "i64", 1, 8),
    F64(28, "f64", 1, 8),
    IQ1_M(29, "iq1_m", 256, 56),
    BF16(30, "bf16", 1, 2),
    Q4_0_4_4(31, "q4_0_4_4", "use a Q4_0 file: it is repacked while it loads"),
    Q4_0_4_8(32, "q4_0_4_8", "use a Q4_0 file: it is repacked while it loads"),
    Q4_0_8_8(33, "q4_0_8_8", "use a Q4_0 file: it is repacked while it loads"),
    TQ1_0(34, "tq1_0", 256, 54),
    TQ2_0(35, "tq2_0", 256, 66),
    IQ4_NL_4_4(36, "iq4_nl_4_4", "use an IQ4_NL file: it is repacked while it loads"),
    IQ4_NL_4_8(37, "iq4_nl_4_8", "use an IQ4_NL file: it is repacked while it loads"),
    IQ4_NL_8_8(38, "iq4_nl_8_8", "use an IQ4_NL file: it is repacked while it loads"),
    MXFP4(39, "mxfp4", 32, 17),
    NVFP4(40, "nvfp4", 64, 36),
    Q1_0(41, "q1_0", 128, 18),
    Q2_0(42, "q2_0", 64, 18);

    private static final GgmlType[] BY_ID = values();

    private final int id;
    private final String label;
    private final int blockSize;
    private final int typeSize;
    private final @Nullable String removed;

    GgmlType(int id, String label, int blockSize, int typeSize) {
        this.id = id;
        this.label = label;
        this.blockSize = blockSize;
        this.typeSize = typeSize;
        this.removed = null;
    }

    GgmlType(int id, String label, String removed) {
        this.id = id;
        this.label = label;
        this.blockSize = 0;
        this.typeSize = 0;
        this.removed = removed;
    }

    /** The type with an id, if llama.cpp v0.5.0 or an earlier version knows it. */
    public static Optional<GgmlType> ofId(int id) {
        // The ids have no gaps, which GgmlTypeTest checks.
        return id >= 0 && id < BY_ID.length ? Optional.of(BY_ID[id]) : Optional.empty();
    }

    /** The id in the file, which is the value of {@code enum ggml_type}. */
    public int id() {
        return id;
    }

    /** llama.cpp's name, for example {@code q4_K}. */
    public String label() {
        return label;
    }

    /** Elements in a block; 0 for a removed type. */
    public int blockSize() {
        return blockSize;
    }

    /** Bytes of a block; 0 for a removed type. */
    public int typeSize() {
        return typeSize;
    }

    /** Bits per element, including the scales; 0 for a removed type. */
    public double bitsPerElement() {
        return isRemoved() ? 0 : 8.0 * typeSize / blockSize;
    }

    /** Whether llama.cpp no longer reads this type. */
    public boolean isRemoved() {
        return removed != null;
    }

    /** Why llama.cpp no longer reads this type, or what to use instead; empty for other types. */
    public Optional<String> removedBecause() {
        return Optional.ofNullable(removed);
    }
}
