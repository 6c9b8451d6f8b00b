package io.github.bigllama.core;

import io.github.bigllama.bindings.llama.ggml_backend_sched_eval_callback;
import io.github.bigllama.bindings.llama.ggml_tensor;
import io.github.bigllama.gguf.GgmlType;
import io.github.bigllama.residency.Pager;
import io.github.bigllama.residency.Weight;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;

/**
 * Tells the pager which weights llama.cpp is about to compute with. llama.cpp asks of each node of
 * a graph whether it should stop behind it (the eval callback), before anything up to the next stop
 * is computed: what the nodes name as sources are the weights that are needed now, whatever the
 * architecture.
 *
 * <p>Called by llama.cpp on the thread that is inside llama_decode. Nothing may be thrown there: a
 * failure is kept, and ends the computation.
 */
@SuppressWarnings("restricted")
final class WeightWatch {
    /** What the node is called whose data are the experts that a layer's tokens were routed to. */
    private static final String ROUTING = "ffn_moe_topk-";

    private static final long ROUTING_START =
            MemorySegment.ofArray(ROUTING.getBytes(StandardCharsets.US_ASCII))
                    .get(ValueLayout.JAVA_LONG_UNALIGNED, 0);

    private static final long SOURCES = offset("src");
    private static final long DATA = offset("data");
    private static final long NAME = offset("name");
    private static final long TYPE = offset("type");
    private static final long EXTENT = offset("ne");
    private static final long STRIDE = offset("nb");

    /** Nodes are many and their fields few: read by address, without a segment for each. */
    private static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

    private final Pager pager;
    private final Runnable abort;
    private final Map<String, Integer> byName = new HashMap<>();

    /** Addresses of the weights of attached files, ascending, and the weights there. */
    private long[] addresses = {};

    private int[] atAddress = {};
    private boolean allAttached;

    /** The layer whose routing the computation stops for; -1 for another stop. */
    private int routing = -1;

    private boolean wide;
    private DoubleConsumer progress;
    private Exception failure;
    private Error error;

    /**
     * A watch for one context.
     *
     * @param abort ends the computation under way
     */
    WeightWatch(Pager pager, Runnable abort) {
        this.pager = pager;
        this.abort = abort;
        for (int i = 0; i < pager.weights().all().size(); i++) {
            byName.put(pager.weights().all().get(i).name(), i);
        }
    }

    private static long offset(String field) {
        return ggml_tensor.layout().byteOffset(PathElement.groupElement(field));
    }

    /** The callback, for as long as an arena lives. */
    MemorySegment callback(Arena arena) {
        return ggml_backend_sched_eval_callback.allocate(this::onNode, arena);
    }

    /** A pass begins; what failed before is forgotten. */
    void begin(DoubleConsumer listener) {
        progress = listener;
        failure = null;
        error = null;
        routing = -1;
        wide = pager.isWide();
    }

    /** What went wrong since the pass began, if something did; what is ours to throw is thrown. */
    Exception failure() {
        if (error != null) {
            throw error;
        }
        if (failure instanceof RuntimeException e) {
            throw e;
        }
        return failure;
    }

    private boolean onNode(MemorySegment node, boolean ask, MemorySegment userData) {
        try {
            return ask ? aboutToCompute(node.address()) : computed(node.address());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            failure = e;
        } catch (IOException | RuntimeException e) {
            failure = e;
        } catch (Error e) {
            error = e;
        }
        abort.run();
        return ask;
    }

    private boolean aboutToCompute(long node) throws IOException, InterruptedException {
        if (failure != null || error != null) {
            return true;
        }
        long first = MEMORY.get(ValueLayout.JAVA_LONG, node + SOURCES);
        long second = MEMORY.get(ValueLayout.JAVA_LONG, node + SOURCES + Long.BYTES);
        boolean stop = false;
        if (first != 0) {
            int weight = weightOf(first);
            if (weight >= 0 && !isRowLookup(second)) {
                stop = pager.use(weight);
            }
        }
        if (second != 0) {
            int weight = weightOf(second);
            if (weight >= 0) {
                stop |= pager.use(weight);
            }
        }
        routing = wide ? -1 : routedLayer(node);
        return stop || routing >= 0;
    }

    private boolean computed(long node) throws InterruptedException {
        if (failure != null || error != null) {
            return false;
        }
        pager.used();
        progress.accept(pager.progress());
        if (routing >= 0) {
            pager.routed(routing, chosenExperts(node));
            routing = -1;
        }
        return true;
    }

    /** Rows are looked up by numbers; only these of the first source are read. */
    private static boolean isRowLookup(long second) {
        return second != 0 && MEMORY.get(ValueLayout.JAVA_INT, second + TYPE) == GgmlType.I32.id();
    }

    private int weightOf(long tensor) {
        long address = MEMORY.get(ValueLayout.JAVA_LONG, tensor + DATA);
        int index = Arrays.binarySearch(addresses, address);
        if (index >= 0) {
            return atAddress[index];
        }
        return allAttached ? -1 : learn(tensor, address);
    }

    /** The first weight seen of a file tells where the file is mapped. */
    private int learn(long tensor, long address) {
        Integer number = byName.get(MEMORY.getString(tensor + NAME));
        if (number == null || address == 0) {
            return -1;
        }
        Weight weight = pager.weights().all().get(number);
        long base = address - weight.offset();
        if (!pager.isAttached(weight.file())) {
            try {
                pager.attach(weight.file(), base, weight.offset());
            } catch (IOException e) {
                pager.giveUp(e.getMessage());
            }
        }
        index(weight.file(), base);
        return number;
    }

    private void index(int file, long base) {
        Map<Long, Integer> all = new TreeMap<>();
        for (int i = 0; i < addresses.length; i++) {
            all.put(addresses[i], atAddress[i]);
        }
        for (int i = 0; i < pager.weights().all().size(); i++) {
            Weight weight = pager.weights().all().get(i);
            if (weight.file() == file) {
                all.put(base + weight.offset(), i);
            }
        }
        addresses = all.keySet().stream().mapToLong(Long::longValue).toArray();
        atAddress = all.values().stream().mapToInt(Integer::intValue).toArray();
        allAttached = addresses.length == pager.weights().all().size();
    }

    /** The layer of a node that routes; -1 for any other. */
    private static int routedLayer(long node) {
        if (MEMORY.get(ValueLayout.JAVA_LONG_UNALIGNED, node + NAME) != ROUTING_START) {
            return -1;
        }
        String name = MEMORY.getString(node + NAME);
        return name.startsWith(ROUTING) ? Integer.parseInt(name.substring(ROUTING.length())) : -1;
    }

    /** The node's data: for each token the numbers of its experts. */
    private static int[] chosenExperts(long node) {
        long data = MEMORY.get(ValueLayout.JAVA_LONG, node + DATA);
        long used = MEMORY.get(ValueLayout.JAVA_LONG, node + EXTENT);
        long tokens = MEMORY.get(ValueLayout.JAVA_LONG, node + EXTENT + Long.BYTES);
        long stride = MEMORY.get(ValueLayout.JAVA_LONG, node + STRIDE + Long.BYTES);
        int[] chosen = new int[(int) (used * tokens)];
        for (int token = 0; token < tokens; token++) {
            for (int i = 0; i < used; i++) {
                chosen[(int) (token * used) + i] =
                        MEMORY.get(
                                ValueLayout.JAVA_INT,
                                data + token * stride + (long) i * Integer.BYTES);
            }
        }
        return Arrays.stream(chosen).distinct().toArray();
    }
}
