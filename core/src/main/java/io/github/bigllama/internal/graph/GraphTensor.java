package io.github.bigllama.internal.graph;

import io.github.bigllama.bindings.llama.ggml_tensor;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.gguf.GgmlType;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * Reads and writes fields of a node in llama.cpp's graph, a ggml_tensor, by its address. There are
 * thousands of nodes per token and few of their fields are read, so no segments are created.
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
    private static final long BUFFER = offset("buffer");
    private static final long OPERATION = offset("op");
    private static final long VIEWED = offset("view_src");

    /** How many sources a node can have. */
    static final int MAX_SOURCES =
            (int) (ggml_tensor.layout().select(PathElement.groupElement("src")).byteSize() / 8);

    private GraphTensor() {}

    private static long offset(String field) {
        return ggml_tensor.layout().byteOffset(PathElement.groupElement(field));
    }

    /** The address of a source of a node; 0 if there is none. */
    static long source(long node, int index) {
        return MEMORY.get(ValueLayout.JAVA_LONG, node + SOURCES + (long) index * Long.BYTES);
    }

    /** The addresses of all sources of a node; 0 where there is none. */
    static void sources(long node, long[] sources) {
        MemorySegment.copy(
                MEMORY, ValueLayout.JAVA_LONG, node + SOURCES, sources, 0, sources.length);
    }

    /** The address of a node's values; 0 before they are allocated. */
    static long data(long node) {
        return MEMORY.get(ValueLayout.JAVA_LONG, node + DATA);
    }

    static boolean isOfType(long node, GgmlType type) {
        return MEMORY.get(ValueLayout.JAVA_INT, node + TYPE) == type.id();
    }

    /** The number of a node's operation. */
    static int operation(long node) {
        return MEMORY.get(ValueLayout.JAVA_INT, node + OPERATION);
    }

    /** The number of elements in a dimension. */
    static int extent(long node, int dimension) {
        return (int) MEMORY.get(ValueLayout.JAVA_LONG, node + EXTENTS + (long) dimension * 8);
    }

    /** Bytes from one element to the next in a dimension. */
    static long stride(long node, int dimension) {
        return MEMORY.get(ValueLayout.JAVA_LONG, node + STRIDES + (long) dimension * 8);
    }

    /** The name of the buffer that a node's values are in; empty if there is none. */
    static String bufferName(long node) {
        MemorySegment buffer = MEMORY.get(ValueLayout.ADDRESS, node + BUFFER);
        return buffer.address() == 0 ? "" : llama_h.ggml_backend_buffer_name(buffer).getString(0);
    }

    static void source(long node, int index, long source) {
        MEMORY.set(ValueLayout.JAVA_LONG, node + SOURCES + (long) index * Long.BYTES, source);
    }

    /** Makes a tensor that is computed already of a copy of another one's fields. */
    static void copy(long node, long target, long data) {
        MemorySegment.copy(MEMORY, node, MEMORY, target, ggml_tensor.sizeof());
        MEMORY.set(ValueLayout.JAVA_LONG, target + DATA, data);
        MEMORY.set(ValueLayout.JAVA_INT, target + OPERATION, 0);
        MEMORY.set(ValueLayout.JAVA_LONG, target + VIEWED, 0L);
        for (int i = 0; i < MAX_SOURCES; i++) {
            source(target, i, 0);
        }
    }

    /** Sets the number of elements in a dimension, and the bytes from one to the next. */
    static void dimension(long node, int dimension, int extent, long stride) {
        MEMORY.set(ValueLayout.JAVA_LONG, node + EXTENTS + (long) dimension * 8, (long) extent);
        MEMORY.set(ValueLayout.JAVA_LONG, node + STRIDES + (long) dimension * 8, stride);
    }

    static String name(long node) {
        return MEMORY.getString(node + NAME);
    }

    /** Whether the name of a node begins with 8 characters, packed by {@link #start}. */
    static boolean nameStartsWith(long node, long start) {
        return MEMORY.get(ValueLayout.JAVA_LONG_UNALIGNED, node + NAME) == start;
    }

    /** The first 8 characters of a name. */
    static long start(String name) {
        return MemorySegment.ofArray(name.getBytes(StandardCharsets.US_ASCII))
                .get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
    }

    /** The 32-bit integer at an address. */
    static int intAt(long address) {
        return MEMORY.get(ValueLayout.JAVA_INT, address);
    }

    /** Copies 32-bit floats that begin at an address. */
    static float[] floats(long address, int count) {
        return MEMORY.asSlice(address, (long) count * Float.BYTES).toArray(ValueLayout.JAVA_FLOAT);
    }
}
