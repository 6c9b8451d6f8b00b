package io.github.bigllama.internal.engine;

import io.github.bigllama.bindings.llama.ggml_tensor;
import io.github.bigllama.core.gguf.GgmlType;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * The fields of a node of a graph that llama.cpp computes, a ggml_tensor, by its address. Nodes are
 * thousands a token and few of their fields are looked at: no segment is made for any.
 */
@SuppressWarnings("restricted")
final class GraphTensor {
    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private static final long SOURCES = offset("src");
    private static final long DATA = offset("data");
    private static final long NAME = offset("name");
    private static final long TYPE = offset("type");
    private static final long EXTENTS = offset("ne");
    private static final long STRIDES = offset("nb");

    /** How many sources a node can have. */
    static final int MAX_SOURCES =
            (int) (ggml_tensor.layout().select(PathElement.groupElement("src")).byteSize() / 8);

    private GraphTensor() {}

    private static long offset(String field) {
        return ggml_tensor.layout().byteOffset(PathElement.groupElement(field));
    }

    /** The address of a node that it is computed from; 0 if there is none. */
    static long source(long node, int index) {
        return MEMORY.get(ValueLayout.JAVA_LONG, node + SOURCES + (long) index * Long.BYTES);
    }

    /** The address of its values; 0 before they have a place. */
    static long data(long node) {
        return MEMORY.get(ValueLayout.JAVA_LONG, node + DATA);
    }

    static boolean isOfType(long node, GgmlType type) {
        return MEMORY.get(ValueLayout.JAVA_INT, node + TYPE) == type.id();
    }

    /** Its elements in a dimension. */
    static int extent(long node, int dimension) {
        return (int) MEMORY.get(ValueLayout.JAVA_LONG, node + EXTENTS + (long) dimension * 8);
    }

    /** Bytes from one element to the next in a dimension. */
    static long stride(long node, int dimension) {
        return MEMORY.get(ValueLayout.JAVA_LONG, node + STRIDES + (long) dimension * 8);
    }

    static String name(long node) {
        return MEMORY.getString(node + NAME);
    }

    /** Whether its name begins with 8 characters, as {@link #start} packs them. */
    static boolean nameStartsWith(long node, long start) {
        return MEMORY.get(ValueLayout.JAVA_LONG_UNALIGNED, node + NAME) == start;
    }

    /** The first 8 characters of a name. */
    static long start(String name) {
        return MemorySegment.ofArray(name.getBytes(StandardCharsets.US_ASCII))
                .get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    }

    /** A 32-bit integer among values. */
    static int intAt(long address) {
        return MEMORY.get(ValueLayout.JAVA_INT, address);
    }

    /** A 32-bit float among values. */
    static float floatAt(long address) {
        return MEMORY.get(ValueLayout.JAVA_FLOAT, address);
    }
}
