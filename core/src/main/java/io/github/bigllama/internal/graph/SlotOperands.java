package io.github.bigllama.internal.graph;

import io.github.bigllama.bindings.llama.ggml_tensor;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weight.Use;
import io.github.bigllama.internal.pager.ExpertSlots;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.pager.Pass;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Has llama.cpp compute with experts that are in slots of the pager. That costs nothing, while
 * moving pages into llama.cpp's mapping would take system calls, and would have experts in small
 * pages: they are smaller than huge ones. A node is changed before it is computed, and changed back
 * before it is asked for again; llama.cpp reuses graphs.
 *
 * <p>For few tokens, a multiplication by chosen experts (ggml_mul_mat_id) becomes an {@link
 * ExpertProduct}. For more it stays what it is, and as it finds each expert at a multiple of a
 * stride from the first, it gets the row of slots for its weight, and the numbers of slots for
 * those of the experts. It takes memory and time for all slots between the first and the last: a
 * row has no more than it must. Its kernels for several tokens of IQ types (iqp.cpp) want the
 * slices side by side; in slots, these types are computed with as for single tokens.
 *
 * <p>For the thread that is inside llama_decode.
 */
final class SlotOperands {
    private static final System.Logger LOGGER = System.getLogger(SlotOperands.class.getName());

    private static final long TENSOR = ggml_tensor.sizeof();

    /** The index of the numbers of experts among the sources of the node. */
    private static final int CHOSEN = 2;

    private final Pager pager;

    /** By weight: its place among the weights of experts; -1 for others. */
    private final int[] places;

    /** By place: a tensor for the slots, and one for their numbers. */
    private MemorySegment tensors = MemorySegment.NULL;

    private Arena arena = Arena.global();

    /** The operands that nodes had. */
    private final Map<Long, Operands> before = new HashMap<>();

    /** By place: memory for numbers of slots. */
    private final MemorySegment[] numbers;

    /** The places whose tensors are used by what will be computed next. */
    private final BitSet inUse = new BitSet();

    /** By place: the multiplication for few tokens; null before the first. */
    private final ExpertProduct[] products;

    /** The nodes that have become such multiplications. */
    private final Map<Long, ExpertProduct> entered = new HashMap<>();

    /** The operation that these nodes have; -1 before the first. */
    private int operation = -1;

    private boolean hasProducts = true;

    /** The places whose experts can only be used where the file is mapped. */
    private final BitSet mapped = new BitSet();

    private Pass pass;

    private record Operands(long weight, long chosen) {}

    SlotOperands(Pager pager) {
        this.pager = pager;
        List<Weight> all = pager.weights().all();
        places = new int[all.size()];
        int count = 0;
        for (int i = 0; i < places.length; i++) {
            places[i] = all.get(i).use() == Use.EXPERTS ? count++ : -1;
        }
        numbers = new MemorySegment[count];
        Arrays.fill(numbers, MemorySegment.NULL);
        products = new ExpertProduct[count];
    }

    /** Takes memory for the operands, as long as the graphs of a context may be computed. */
    void open(Arena memory) {
        arena = memory;
        tensors = arena.allocate(2 * TENSOR * Math.max(1, numbers.length), 16);
    }

    /** Begins a pass. */
    void begin(Pass next) {
        pass = next;
        used();
    }

    /** Notes that everything has been computed that operands were exchanged for. */
    void used() {
        inUse.clear();
    }

    /** Has a node be what it was; before anything else is done with it. */
    void restore(long node) {
        if (GraphTensor.operation(node) == operation) {
            ExpertProduct product = entered.remove(node);
            if (product != null) {
                product.leave(node);
            }
            return;
        }
        long distance = GraphTensor.source(node, 0) - tensors.address();
        if (distance >= 0 && distance < tensors.byteSize()) {
            Operands operands = before.remove(node);
            GraphTensor.source(node, 0, operands.weight);
            GraphTensor.source(node, CHOSEN, operands.chosen);
        }
    }

    /**
     * Exchanges the operands of a node that will be computed next, if its experts are in slots.
     *
     * @param weight the number of its weight, which is in use
     * @param router the node that has chosen experts last; 0 if none has
     * @param chosen what it has chosen, token after token
     */
    void exchange(long node, int weight, long router, int[] chosen) {
        int place = places[weight];
        if (place < 0 || mapped.get(place) || inUse.get(place)) {
            return;
        }
        if (router == 0 || GraphTensor.source(node, CHOSEN) != router || !isPlain(node, weight)) {
            mapped.set(place);
            pager.keepMapped(weight);
            return;
        }
        ExpertSlots slots = pass.slots(weight, chosen);
        if (slots == null) {
            return;
        }
        inUse.set(place);
        ExpertProduct product = chosen.length <= ExpertProduct.MOST ? product(place) : null;
        if (product != null) {
            product.enter(node, slots.addresses());
            entered.put(node, product);
            operation = GraphTensor.operation(node);
            return;
        }
        long matrix = tensors.address() + 2 * TENSOR * place;
        long whole = GraphTensor.source(node, 0);
        before.put(node, new Operands(whole, router));
        GraphTensor.copy(whole, matrix, slots.address());
        GraphTensor.dimension(matrix, 2, slots.places(), slots.stride());
        GraphTensor.dimension(matrix, 3, 1, slots.stride() * slots.places());
        GraphTensor.source(node, 0, matrix);
        GraphTensor.source(node, CHOSEN, numbers(place, matrix + TENSOR, router, slots));
    }

    /** The multiplication of a weight; null if there can be none. */
    private ExpertProduct product(int place) {
        if (products[place] == null && hasProducts) {
            try {
                products[place] = new ExpertProduct(arena);
            } catch (IllegalStateException e) {
                hasProducts = false;
                LOGGER.log(
                        System.Logger.Level.WARNING,
                        "llama.cpp multiplies few experts as slowly as many: {0}",
                        e.getMessage());
            }
        }
        return products[place];
    }

    private long numbers(int place, long tensor, long router, ExpertSlots slots) {
        int[] chosen = slots.chosen();
        long bytes = (long) chosen.length * Integer.BYTES;
        if (numbers[place].byteSize() < bytes) {
            numbers[place] = arena.allocate(Math.max(bytes, 2 * numbers[place].byteSize()), 16);
        }
        MemorySegment.copy(chosen, 0, numbers[place], ValueLayout.JAVA_INT, 0, chosen.length);
        int each = GraphTensor.extent(router, 0);
        int tokens = GraphTensor.extent(router, 1);
        GraphTensor.copy(router, tensor, numbers[place].address());
        GraphTensor.dimension(tensor, 0, each, Integer.BYTES);
        GraphTensor.dimension(tensor, 1, tokens, (long) each * Integer.BYTES);
        GraphTensor.dimension(tensor, 2, 1, bytes);
        GraphTensor.dimension(tensor, 3, 1, bytes);
        return tensor;
    }

    /** Whether the CPU computes with all of a weight, as it is in the file. */
    private boolean isPlain(long node, int weight) {
        Weight w = pager.weights().all().get(weight);
        long tensor = GraphTensor.source(node, 0);
        return GraphTensor.extent(tensor, 2) == w.slices()
                && GraphTensor.stride(tensor, 2) == w.sliceSize()
                && GraphTensor.name(tensor).equals(w.name())
                && GraphTensor.bufferName(tensor).startsWith("CPU");
    }
}
