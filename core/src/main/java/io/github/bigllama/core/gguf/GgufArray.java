package io.github.bigllama.core.gguf;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.RandomAccess;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/**
 * An array in the metadata: elements of one type, kept as the bytes of the file (a vocabulary of
 * 250,000 tokens takes its bytes and four more per token) and decoded one by one when asked for.
 * Immutable.
 */
public final class GgufArray {
    private final GgufValueType elementType;
    private final int size;
    private final ByteBuffer data;
    // Strings only: the start of each in data, and the end of the last.
    private final int[] starts;
    // Arrays of arrays only.
    private final List<GgufArray> nested;

    private GgufArray(
            GgufValueType elementType,
            int size,
            byte[] data,
            int[] starts,
            List<GgufArray> nested) {
        this.elementType = elementType;
        this.size = size;
        this.data = ByteBuffer.wrap(data).order(ByteOrder.LITTLE_ENDIAN);
        this.starts = starts;
        this.nested = nested;
    }

    /**
     * An array of integers.
     *
     * @param type an integer type
     * @param values the elements, as {@link #integer} returns them
     * @throws IllegalArgumentException if it is another type, or can't hold a value
     */
    public static GgufArray of(GgufValueType type, long... values) {
        Objects.requireNonNull(type, "type");
        if (!type.isInteger()) {
            throw new IllegalArgumentException(type + " is not a type of integers");
        }
        ByteBuffer bytes =
                ByteBuffer.allocate(values.length * type.size()).order(ByteOrder.LITTLE_ENDIAN);
        for (long value : values) {
            switch (type.size()) {
                case 1 -> bytes.put((byte) value);
                case 2 -> bytes.putShort((short) value);
                case 4 -> bytes.putInt((int) value);
                default -> bytes.putLong(value);
            }
        }
        GgufArray array = ofNumbers(type, values.length, bytes.array());
        for (int i = 0; i < values.length; i++) {
            if (array.integer(i) != values[i]) {
                throw new IllegalArgumentException(values[i] + " is out of the range of " + type);
            }
        }
        return array;
    }

    static GgufArray ofNumbers(GgufValueType type, int size, byte[] data) {
        return new GgufArray(type, size, data, null, List.of());
    }

    static GgufArray ofStrings(byte[] data, int[] starts) {
        return new GgufArray(GgufValueType.STRING, starts.length - 1, data, starts, List.of());
    }

    /** An array of strings, for a file to be written. */
    public static GgufArray ofStrings(List<String> values) {
        int[] starts = new int[values.size() + 1];
        ByteArrayOutputStream data = new ByteArrayOutputStream();
        for (int i = 0; i < values.size(); i++) {
            data.writeBytes(values.get(i).getBytes(StandardCharsets.UTF_8));
            starts[i + 1] = data.size();
        }
        return ofStrings(data.toByteArray(), starts);
    }

    static GgufArray ofArrays(List<GgufArray> nested) {
        return new GgufArray(
                GgufValueType.ARRAY, nested.size(), new byte[0], null, List.copyOf(nested));
    }

    /** The type of the elements. */
    public GgufValueType elementType() {
        return elementType;
    }

    /** The number of elements. */
    public int size() {
        return size;
    }

    /**
     * An element of an integer array; a {@code u64} above {@code Long.MAX_VALUE} is negative.
     *
     * @throws IllegalStateException if the elements are not integers
     * @throws IndexOutOfBoundsException if there is no such element
     */
    public long integer(int index) {
        Objects.checkIndex(index, size);
        return switch (elementType) {
            case UINT8 -> data.get(index) & 0xFFL;
            case INT8 -> data.get(index);
            case UINT16 -> data.getShort(2 * index) & 0xFFFFL;
            case INT16 -> data.getShort(2 * index);
            case UINT32 -> data.getInt(4 * index) & 0xFFFF_FFFFL;
            case INT32 -> data.getInt(4 * index);
            case UINT64, INT64 -> data.getLong(8 * index);
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> throw wrongType("integers");
        };
    }

    /** Whether the elements are integers, of any width. */
    public boolean isIntegers() {
        return switch (elementType) {
            case UINT8, INT8, UINT16, INT16, UINT32, INT32, UINT64, INT64 -> true;
            case FLOAT32, FLOAT64, BOOL, STRING, ARRAY -> false;
        };
    }

    /**
     * The elements of an integer array.
     *
     * @throws IllegalStateException if the elements are not integers
     */
    public LongStream integers() {
        return IntStream.range(0, size).mapToLong(this::integer);
    }

    /**
     * An element of a floating point array.
     *
     * @throws IllegalStateException if the elements are not floating point numbers
     * @throws IndexOutOfBoundsException if there is no such element
     */
    public double real(int index) {
        Objects.checkIndex(index, size);
        if (elementType == GgufValueType.FLOAT32) {
            return data.getFloat(4 * index);
        }
        if (elementType == GgufValueType.FLOAT64) {
            return data.getDouble(8 * index);
        }
        throw wrongType("floating point numbers");
    }

    /**
     * An element of a bool array.
     *
     * @throws IllegalStateException if the elements are not bools
     * @throws IndexOutOfBoundsException if there is no such element
     */
    public boolean bool(int index) {
        Objects.checkIndex(index, size);
        if (elementType != GgufValueType.BOOL) {
            throw wrongType("bools");
        }
        return data.get(index) != 0;
    }

    /**
     * An element of a string array; bytes that are not UTF-8 become U+FFFD.
     *
     * @throws IllegalStateException if the elements are not strings
     * @throws IndexOutOfBoundsException if there is no such element
     */
    public String string(int index) {
        int length = stringLength(index);
        return new String(data.array(), starts[index], length, StandardCharsets.UTF_8);
    }

    /**
     * An element of a string array as it is in the file: not every tokenizer's tokens are UTF-8.
     *
     * @throws IllegalStateException if the elements are not strings
     * @throws IndexOutOfBoundsException if there is no such element
     */
    public byte[] bytes(int index) {
        int length = stringLength(index);
        return Arrays.copyOfRange(data.array(), starts[index], starts[index] + length);
    }

    /**
     * All elements of a string array, as a view.
     *
     * @throws IllegalStateException if the elements are not strings
     */
    public List<String> strings() {
        if (elementType != GgufValueType.STRING) {
            throw wrongType("strings");
        }
        return new Strings(this);
    }

    /**
     * An element of an array of arrays.
     *
     * @throws IllegalStateException if the elements are not arrays
     * @throws IndexOutOfBoundsException if there is no such element
     */
    public GgufArray array(int index) {
        Objects.checkIndex(index, size);
        if (elementType != GgufValueType.ARRAY) {
            throw wrongType("arrays");
        }
        return nested.get(index);
    }

    private int stringLength(int index) {
        Objects.checkIndex(index, size);
        if (elementType != GgufValueType.STRING) {
            throw wrongType("strings");
        }
        return starts[index + 1] - starts[index];
    }

    private IllegalStateException wrongType(String wanted) {
        return new IllegalStateException(
                "An array of " + elementType.label() + " has no elements that are " + wanted);
    }

    /** The type and the size, as llama.cpp prints them: {@code arr[str,1024]}. */
    @Override
    public String toString() {
        return "arr[" + elementType.label() + "," + size + "]";
    }

    private static final class Strings extends AbstractList<String> implements RandomAccess {
        private final GgufArray array;

        Strings(GgufArray array) {
            this.array = array;
        }

        @Override
        public String get(int index) {
            return array.string(index);
        }

        @Override
        public int size() {
            return array.size();
        }
    }
}
