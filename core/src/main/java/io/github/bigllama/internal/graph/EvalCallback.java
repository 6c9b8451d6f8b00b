package io.github.bigllama.internal.graph;

import io.github.bigllama.bindings.llama.ggml_backend_sched_eval_callback;
import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.internal.llama.UpcallGuard;
import io.github.bigllama.internal.pager.Pager;
import io.github.bigllama.internal.pager.Pass;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.DoubleConsumer;

/**
 * Tells the pager which weights llama.cpp is about to compute with. llama.cpp asks for each node of
 * a graph whether to stop after it (the eval callback), before anything up to the next stop is
 * computed: the sources of these nodes are the weights that are needed now, for every architecture.
 *
 * <p>llama.cpp calls it on the thread that is inside llama_decode. Exceptions must not be thrown
 * there: a failure is kept, and ends the computation.
 */
public final class EvalCallback {
    /**
     * The beginning of the name of the nodes whose data are the experts that tokens were routed to.
     */
    private static final String ROUTING = "ffn_moe_topk-";

    private static final long ROUTING_START = GraphTensor.start(ROUTING);

    /** The name of the weight that chooses experts. */
    private static final String ROUTER = "ffn_gate_inp.weight";

    private final Pager pager;
    private final Runnable abort;
    private ExpertPredictor predictor;
    private final SlotOperands operands;
    private final Map<String, Integer> byName = new HashMap<>();

    /** The weights that choose experts. */
    private final BitSet routers = new BitSet();

    /** Addresses of the weights of attached files, ascending, and the weights there. */
    private long[] addresses = {};

    private int[] atAddress = {};

    /** Where the last of these weights ends. */
    private long end;

    private boolean allAttached;

    /** The sources of the node that is asked about. */
    private final long[] sources = new long[GraphTensor.MAX_SOURCES];

    /** The layer for whose routing the computation stops; -1 for another stop. */
    private int routing = -1;

    /** The input of the last router: the address of a node. */
    private long routed;

    /** The node that has chosen experts last, and what it has chosen. */
    private long router;

    private int[] choices = {};

    private boolean predicts;
    private Pass pass;
    private DoubleConsumer progress;
    private final UpcallGuard guard = new UpcallGuard();

    /**
     * The callback of one context.
     *
     * @param abort ends the current computation
     */
    public EvalCallback(Pager pager, Runnable abort) {
        this.pager = pager;
        this.abort = abort;
        this.operands = new SlotOperands(pager);
        for (int i = 0; i < pager.weights().all().size(); i++) {
            Weight weight = pager.weights().all().get(i);
            byName.put(weight.name(), i);
            routers.set(i, weight.role().equals(ROUTER));
        }
    }

    /** The native callback, which lives as long as the arena. */
    public MemorySegment callback(Arena arena) {
        operands.open(arena);
        predictor = new ExpertPredictor(arena);
        return ggml_backend_sched_eval_callback.allocate(this::onNode, arena);
    }

    /** Bytes of memory that predictions have taken. */
    public long ownBytes() {
        return predictor == null ? 0 : predictor.copied();
    }

    /** Begins a pass, and forgets earlier failures. */
    public void begin(Pass pass, DoubleConsumer listener) {
        this.pass = pass;
        progress = listener;
        guard.reset();
        routing = -1;
        routed = 0;
        router = 0;
        operands.begin(pass);
        predicts = predictor.begin() && pass.wantsPredictions();
    }

    /**
     * The failure since the pass began; null if there is none. Unchecked exceptions are thrown
     * instead.
     */
    public Exception failure() {
        return guard.rethrow();
    }

    private boolean onNode(MemorySegment node, boolean ask, MemorySegment userData) {
        boolean hadThrown = guard.hasThrown();
        boolean answer =
                guard.run(
                        ask, () -> ask ? aboutToCompute(node.address()) : computed(node.address()));
        if (!hadThrown && guard.hasThrown()) {
            abort.run();
        }
        return answer;
    }

    private boolean aboutToCompute(long node) throws IOException, InterruptedException {
        operands.restore(node);
        if (guard.hasThrown()) {
            return true;
        }
        boolean stop = false;
        GraphTensor.sources(node, sources);
        long second = sources[1];
        for (int i = 0; i < sources.length; i++) {
            long source = sources[i];
            int weight = source == 0 ? -1 : weightOf(source);
            if (weight < 0) {
                continue;
            }
            if (i == 0 && isRowLookup(second)) {
                pass.lookUp(weight);
                continue;
            }
            stop |= pass.use(weight);
            if (i == 0) {
                operands.exchange(node, weight, router, choices);
            }
            if (i == 0 && predicts && routers.get(weight)) {
                router(weight, source, second);
            }
        }
        routing = routedLayer(node);
        return stop || routing >= 0;
    }

    private boolean computed(long node) throws InterruptedException {
        if (guard.hasThrown()) {
            return false;
        }
        pass.used();
        operands.used();
        progress.accept(pass.progress());
        if (routing >= 0) {
            int[] chosen = chosenExperts(node);
            router = node;
            choices = chosen;
            pass.routed(routing, chosen);
            if (predicts) {
                predict(node, chosen);
            }
            routing = -1;
        }
        return true;
    }

    /** Handles a router that will be applied next. */
    private void router(int weight, long matrix, long input) {
        routed = input;
        int layer = pager.weights().all().get(weight).layer();
        if (predictor.knows(layer) || input == 0 || !isFloats(matrix) || !isFloats(input)) {
            return;
        }
        long scale = GraphTensor.source(input, 1);
        boolean isNorm = scale != 0 && weightOf(scale) >= 0 && isFloats(scale);
        predictor.learn(
                layer,
                new ExpertPredictor.Router(
                        GraphTensor.data(matrix),
                        isNorm ? GraphTensor.data(scale) : 0,
                        GraphTensor.extent(matrix, 0),
                        GraphTensor.extent(matrix, 1)));
    }

    /** Has the predicted experts of the next layers read while this layer is computed. */
    private void predict(long node, int[] chosen) {
        int tokens = GraphTensor.extent(node, 1);
        predictor.chosen(routing, tokens, chosen);
        if (tokens == 0) {
            // The last layer of a micro-batch without outputs.
            return;
        }
        if (hasRows(routed, tokens)) {
            predictor
                    .next(routing, GraphTensor.data(routed), tokens, chosen.length / tokens)
                    .forEach(next -> pass.predicted(next.layer(), next.experts()));
        }
    }

    /** Whether a node has a vector of floats for each token, one after the other. */
    private static boolean hasRows(long node, int tokens) {
        return node != 0
                && isFloats(node)
                && GraphTensor.extent(node, 1) == tokens
                && GraphTensor.stride(node, 1) == (long) GraphTensor.extent(node, 0) * Float.BYTES;
    }

    private static boolean isFloats(long tensor) {
        return GraphTensor.isOfType(tensor, GgmlType.F32);
    }

    /** Whether only rows of the first source are read, whose numbers are in the second. */
    private static boolean isRowLookup(long second) {
        return second != 0 && GraphTensor.isOfType(second, GgmlType.I32);
    }

    /** The weight that a tensor is, or is a view of a part of; -1 if it is another tensor. */
    private int weightOf(long tensor) {
        long address = GraphTensor.data(tensor);
        if (allAttached && (address < addresses[0] || address >= end)) {
            return -1;
        }
        int index = Arrays.binarySearch(addresses, address);
        int before = index >= 0 ? index : -index - 2;
        if (before >= 0) {
            int weight = atAddress[before];
            if (address - addresses[before] < pager.weights().all().get(weight).size()) {
                return weight;
            }
        }
        return allAttached ? -1 : learn(tensor, address);
    }

    /**
     * The first weight of a file that is seen shows where the file is mapped. Later ones of its
     * name may be copies elsewhere, which are not the pager's.
     */
    private int learn(long tensor, long address) {
        Integer number = byName.get(GraphTensor.name(tensor));
        if (number == null || address == 0) {
            return -1;
        }
        Weight weight = pager.weights().all().get(number);
        long base = address - weight.offset();
        try {
            if (!pager.attach(weight.file(), base, weight.offset())) {
                return -1;
            }
        } catch (IOException e) {
            pager.giveUp(e.getMessage());
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
        int last = atAddress[atAddress.length - 1];
        end = addresses[addresses.length - 1] + pager.weights().all().get(last).size();
        allAttached = addresses.length == pager.weights().all().size();
    }

    /** The layer of a routing node; -1 for any other node. */
    private static int routedLayer(long node) {
        if (!GraphTensor.nameStartsWith(node, ROUTING_START)) {
            return -1;
        }
        String name = GraphTensor.name(node);
        return name.startsWith(ROUTING) ? Integer.parseInt(name.substring(ROUTING.length())) : -1;
    }

    /** The data of the node: the numbers of the experts of each token. */
    private static int[] chosenExperts(long node) {
        int used = GraphTensor.extent(node, 0);
        int tokens = GraphTensor.extent(node, 1);
        int[] chosen = new int[used * tokens];
        for (int token = 0; token < tokens; token++) {
            long row = GraphTensor.data(node) + token * GraphTensor.stride(node, 1);
            for (int i = 0; i < used; i++) {
                chosen[token * used + i] = GraphTensor.intAt(row + (long) i * Integer.BYTES);
            }
        }
        return chosen;
    }
}
