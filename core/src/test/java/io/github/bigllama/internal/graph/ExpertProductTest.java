package io.github.bigllama.internal.graph;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.bigllama.bindings.llama.ggml_init_params;
import io.github.bigllama.bindings.llama.ggml_tensor;
import io.github.bigllama.bindings.llama.llama_h;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.internal.llama.CpuBackend;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sixteen experts of 512 columns and 200 rows, of which each token uses four. */
@SuppressWarnings("restricted")
class ExpertProductTest {
    private static final int COLUMNS = 512;
    private static final int ROWS = 200;
    private static final int EXPERTS = 16;
    private static final int USED = 4;

    /** More than the cores of a small machine, so that some wait. */
    private static final int THREADS = 3;

    private final Arena arena = Arena.ofConfined();
    private final Random random = new Random(1);
    private final MemorySegment context = context();

    @AfterEach
    void close() {
        arena.close();
    }

    private MemorySegment context() {
        CpuBackend.device();
        MemorySegment params = ggml_init_params.allocate(arena);
        ggml_init_params.mem_size(params, 32 << 20);
        return llama_h.ggml_init(params).reinterpret(arena, llama_h::ggml_free);
    }

    private MemorySegment tensor(int type, long... extents) {
        MemorySegment sizes = arena.allocateFrom(ValueLayout.JAVA_LONG, extents);
        return llama_h.ggml_new_tensor(context, type, extents.length, sizes);
    }

    private static MemorySegment data(MemorySegment tensor) {
        return ggml_tensor.data(tensor).reinterpret(llama_h.ggml_nbytes(tensor));
    }

    private void randomFloats(MemorySegment target) {
        for (long i = 0; i < target.byteSize(); i += Float.BYTES) {
            target.set(ValueLayout.JAVA_FLOAT, i, random.nextFloat() - 0.5f);
        }
    }

    private MemorySegment weight(GgmlType type) {
        MemorySegment weight = tensor(type.id(), COLUMNS, ROWS, EXPERTS);
        MemorySegment values = arena.allocate(4L * COLUMNS * ROWS * EXPERTS, 4);
        randomFloats(values);
        MemorySegment importance = arena.allocate(4L * COLUMNS, 4);
        for (int i = 0; i < COLUMNS; i++) {
            importance.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
        }
        llama_h.ggml_quantize_chunk(
                type.id(), values, data(weight), 0, (long) ROWS * EXPERTS, COLUMNS, importance);
        return weight;
    }

    private MemorySegment graph(MemorySegment product) {
        MemorySegment graph = llama_h.ggml_new_graph(context);
        llama_h.ggml_build_forward_expand(graph, product);
        return graph;
    }

    private byte[] computed(MemorySegment graph, MemorySegment product) {
        data(product).fill((byte) -1);
        MemorySegment backend = CpuBackend.create(arena);
        CpuBackend.threads(backend, THREADS);
        assertThat(llama_h.ggml_backend_graph_compute(backend, graph)).isZero();
        return data(product).toArray(ValueLayout.JAVA_BYTE);
    }

    /** The addresses of the chosen experts, each copied to a place of its own. */
    private long[] scattered(MemorySegment weight, int[] chosen) {
        long size = llama_h.ggml_nbytes(weight) / EXPERTS;
        long[] places = new long[EXPERTS];
        for (int expert = EXPERTS - 1; expert >= 0; expert--) {
            // Anywhere but at a multiple of a distance.
            MemorySegment copy = arena.allocate(size + 64L * expert, 64);
            MemorySegment.copy(data(weight), expert * size, copy, 0, size);
            places[expert] = copy.address();
        }
        return Arrays.stream(chosen).mapToLong(expert -> places[expert]).toArray();
    }

    /** For several tokens of an IQ type llama.cpp has other kernels, which round differently. */
    @ParameterizedTest
    @CsvSource({
        "F32, 1, 1", "F16, 1, 4", "BF16, 3, 1", "Q8_0, 1, 1", "Q8_0, 1, 4", "Q8_0, 5, 1",
                "Q8_0, 16, 4",
        "Q4_0, 2, 4", "Q2_K, 1, 1", "Q4_K, 7, 4", "Q6_K, 3, 1", "IQ4_XS, 1, 1", "IQ3_S, 1, 4",
                "IQ2_XXS, 1, 1",
    })
    void itEqualsLlamaCppsOwnBitByBit(GgmlType type, int tokens, int inputs) {
        MemorySegment weight = weight(type);
        MemorySegment input = tensor(llama_h.GGML_TYPE_F32(), COLUMNS, inputs, tokens);
        randomFloats(data(input));
        MemorySegment ids = tensor(llama_h.GGML_TYPE_I32(), USED, tokens);
        int[] chosen = new int[USED * tokens];
        for (int token = 0; token < tokens; token++) {
            int[] some = random.ints(0, EXPERTS).distinct().limit(USED).toArray();
            System.arraycopy(some, 0, chosen, token * USED, USED);
        }
        data(ids).copyFrom(MemorySegment.ofArray(chosen));
        MemorySegment node = llama_h.ggml_mul_mat_id(context, weight, input, ids);
        MemorySegment graph = graph(node);
        byte[] expected = computed(graph, node);
        long[] slices = scattered(weight, chosen);
        MemorySegment kept = arena.allocate(data(weight).byteSize(), 64).copyFrom(data(weight));
        data(weight).fill((byte) 0);
        ExpertProduct product = new ExpertProduct(arena);
        int operation = GraphTensor.operation(node.address());

        for (int pass = 0; pass < 3; pass++) {
            product.enter(node.address(), slices);
            assertThat(GraphTensor.operation(node.address())).isNotEqualTo(operation);
            assertThat(Arrays.mismatch(computed(graph, node), expected)).isEqualTo(-1);
            product.leave(node.address());
        }

        assertThat(GraphTensor.operation(node.address())).isEqualTo(operation);
        data(weight).copyFrom(kept);
        assertThat(Arrays.mismatch(computed(graph, node), expected)).isEqualTo(-1);
    }

    @Test
    void aNodeThatHasTakenTheMemoryOfAnotherIsLeftAlone() {
        MemorySegment weight = weight(GgmlType.Q8_0);
        MemorySegment input = tensor(llama_h.GGML_TYPE_F32(), COLUMNS, 1, 1);
        MemorySegment ids = tensor(llama_h.GGML_TYPE_I32(), USED, 1);
        MemorySegment node = llama_h.ggml_mul_mat_id(context, weight, input, ids);
        ExpertProduct first = new ExpertProduct(arena);
        ExpertProduct second = new ExpertProduct(arena);
        long[] slices = scattered(weight, new int[USED]);
        first.enter(node.address(), slices);
        MemorySegment before = arena.allocate(ggml_tensor.sizeof());

        first.leave(node.address());
        second.enter(node.address(), slices);
        before.copyFrom(node.reinterpret(ggml_tensor.sizeof()));
        first.leave(node.address());

        assertThat(node.reinterpret(ggml_tensor.sizeof()).mismatch(before)).isEqualTo(-1);
        second.leave(node.address());
    }
}
