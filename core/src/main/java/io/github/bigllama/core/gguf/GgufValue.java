package io.github.bigllama.core.gguf;

/** One metadata value. */
public sealed interface GgufValue {

    /** The type in the file. */
    GgufValueType type();

    /**
     * An integer of any width.
     *
     * @param type the type in the file
     * @param value the value; a {@code u64} above {@code Long.MAX_VALUE} is negative here
     */
    record Int(GgufValueType type, long value) implements GgufValue {
        @Override
        public String toString() {
            return type == GgufValueType.UINT64 ? Long.toUnsignedString(value) : "" + value;
        }
    }

    /**
     * A floating-point number.
     *
     * @param type the type in the file
     * @param value the value, exact for both widths
     */
    record Real(GgufValueType type, double value) implements GgufValue {
        @Override
        public String toString() {
            return type == GgufValueType.FLOAT32 ? "" + (float) value : "" + value;
        }
    }

    /**
     * A truth value.
     *
     * @param value the value
     */
    record Bool(boolean value) implements GgufValue {
        @Override
        public GgufValueType type() {
            return GgufValueType.BOOL;
        }

        @Override
        public String toString() {
            return "" + value;
        }
    }

    /**
     * A string.
     *
     * @param value the text; bytes that are not UTF-8 became U+FFFD
     */
    record Text(String value) implements GgufValue {
        @Override
        public GgufValueType type() {
            return GgufValueType.STRING;
        }

        @Override
        public String toString() {
            return value;
        }
    }

    /**
     * An array.
     *
     * @param value the elements
     */
    record Array(GgufArray value) implements GgufValue {
        @Override
        public GgufValueType type() {
            return GgufValueType.ARRAY;
        }

        @Override
        public String toString() {
            return value.toString();
        }
    }
}
