package io.github.bigllama.core.gguf;

import java.util.Optional;

/** The types of metadata values in a GGUF file, in the order of their ids in the file. */
public enum GgufValueType {
    UINT8("u8", 1),
    INT8("i8", 1),
    UINT16("u16", 2),
    INT16("i16", 2),
    UINT32("u32", 4),
    INT32("i32", 4),
    FLOAT32("f32", 4),
    BOOL("bool", 1),
    STRING("str", 0),
    ARRAY("arr", 0),
    UINT64("u64", 8),
    INT64("i64", 8),
    FLOAT64("f64", 8);

    private static final GgufValueType[] BY_ID = values();

    private final String label;
    private final int size;

    GgufValueType(String label, int size) {
        this.label = label;
        this.size = size;
    }

    static Optional<GgufValueType> ofId(int id) {
        return id >= 0 && id < BY_ID.length ? Optional.of(BY_ID[id]) : Optional.empty();
    }

    /** The id in the file. */
    public int id() {
        return ordinal();
    }

    /** The short name that llama.cpp uses in its messages, for example {@code u32}. */
    public String label() {
        return label;
    }

    /** Bytes of one value; 0 for strings and arrays, whose size varies. */
    public int size() {
        return size;
    }

    /** Whether this is one of the eight integer types. */
    public boolean isInteger() {
        return this != FLOAT32 && this != FLOAT64 && this != BOOL && size > 0;
    }

    /** Whether this is a floating-point type. */
    public boolean isFloat() {
        return this == FLOAT32 || this == FLOAT64;
    }
}
