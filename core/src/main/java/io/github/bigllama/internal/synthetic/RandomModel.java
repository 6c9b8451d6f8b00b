package io.github.bigllama.internal.synthetic;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufArray;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.GgufWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoublePredicate;

/**
 * A model of any size with random Q8_0 weights: it computes like a real one of the same shape, and
 * talks nonsense. For measurements without a real model ({@link Shape}), and to see that an
 * architecture works ({@link Architecture}).
 */
public final class RandomModel {
    private static final int CONTEXT = 4096;

    /**
     * How much larger the embedding is than the output of a layer. Without this factor, all tokens
     * become alike after a few random layers, and are routed to the same experts.
     */
    private static final double EMBEDDING_SCALE = 40;

    /**
     * The same for models of an {@link Architecture}, which show that it works: what came before a
     * token has to matter, or nobody would see that it is lost. With less, rounding would matter
     * too much.
     */
    private static final double SMALL_EMBEDDING_SCALE = 4;

    /** The same where the graph multiplies with the root of the length. */
    private static final double SCALED_EMBEDDING_SCALE = 8;

    /**
     * How much larger their queries are: attention then is to a few tokens, and not to the mean of
     * all, which is almost the same in each text.
     */
    private static final double QUERY_SCALE = 4;

    /** LLAMA_POOLING_TYPE_RANK, and what llama.cpp's converter gives a Qwen3-Reranker. */
    private static final int RANK = 4;

    private static final List<String> LABELS = List.of("yes", "no");
    private static final String RERANK_TEMPLATE =
            "<|im_start|>user\n<Query>: {query}\n<Document>: {document}<|im_end|>\n"
                    + "<|im_start|>assistant\n";

    /** With less, documents would get almost the same scores; with more, almost 0 or 1. */
    private static final double HEAD_SCALE = 3;

    private final Gguf vocabulary;
    private final boolean sparse;
    private final GgufWriter writer = new GgufWriter();

    private RandomModel(Gguf vocabulary, boolean sparse) {
        this.vocabulary = vocabulary;
        this.sparse = sparse;
    }

    /**
     * The shape of a model.
     *
     * @param architecture {@code llama}, {@code qwen3moe}, {@code llama4}, or {@code qwen3}, which
     *     scores documents
     * @param layers number of layers
     * @param width elements of an embedding
     * @param feedForward rows of a feed-forward network, of one expert where there are experts
     * @param heads attention heads
     * @param keyValueHeads heads of keys and values
     * @param headSize elements of a head
     * @param experts experts of a layer; 0 for a dense model
     * @param expertsUsed experts that a token uses
     * @param sharedExpert whether each token uses one more expert, always the same
     * @param favourites whether a layer routes more tokens to some experts than to others, as real
     *     models do, so that tokens after each other have many in common
     */
    public record Shape(
            String architecture,
            int layers,
            int width,
            int feedForward,
            int heads,
            int keyValueHeads,
            int headSize,
            int experts,
            int expertsUsed,
            boolean sharedExpert,
            boolean favourites) {
        /** A shape without favourites. */
        public Shape(
                String architecture,
                int layers,
                int width,
                int feedForward,
                int heads,
                int keyValueHeads,
                int headSize,
                int experts,
                int expertsUsed,
                boolean sharedExpert) {
            this(
                    architecture,
                    layers,
                    width,
                    feedForward,
                    heads,
                    keyValueHeads,
                    headSize,
                    experts,
                    expertsUsed,
                    sharedExpert,
                    false);
        }

        /** From this size in bytes, a dense model is as wide as real ones of 8 billion weights. */
        private static final long WIDE = 2_000_000_000L;

        /** Below this size in bytes, a reranker has small layers. */
        private static final long SMALL = 100_000_000L;

        /** A dense llama of approximately this size. */
        public static Shape dense(long bytes) {
            Shape one =
                    bytes < WIDE
                            ? new Shape("llama", 1, 2048, 5632, 32, 8, 64, 0, 0, false)
                            : new Shape("llama", 1, 4096, 14336, 32, 8, 128, 0, 0, false);
            return one.ofSize(bytes);
        }

        /**
         * Layers like those of Qwen3-30B-A3B with half its experts: 64, of which a token uses 8.
         */
        public static Shape experts(long bytes) {
            return new Shape("qwen3moe", 1, 2048, 768, 32, 4, 128, 64, 8, false).ofSize(bytes);
        }

        /**
         * As {@link #experts}, with experts of four times the size, like those of Qwen3-235B-A22B.
         */
        public static Shape largeExperts(long bytes) {
            return new Shape("qwen3moe", 1, 4096, 1536, 32, 4, 128, 64, 8, false).ofSize(bytes);
        }

        /**
         * A reranker like Qwen3-Reranker of approximately this size; a small one has smaller
         * layers.
         */
        public static Shape reranker(long bytes) {
            Shape one =
                    bytes < SMALL
                            ? new Shape("qwen3", 1, 256, 768, 4, 2, 64, 0, 0, false)
                            : new Shape("qwen3", 1, 1024, 3072, 16, 8, 128, 0, 0, false);
            return one.ofSize(bytes);
        }

        /** This shape with favourites. */
        public Shape withFavourites() {
            return with(layers, true);
        }

        /** Llama 4 Scout: 48 layers, 16 experts of which a token uses one, and a shared one. */
        public static Shape scout() {
            return new Shape("llama4", 48, 5120, 8192, 40, 8, 128, 16, 1, true);
        }

        /** This shape with another number of layers. */
        public Shape withLayers(int value) {
            return with(value, favourites);
        }

        private Shape with(int newLayers, boolean newFavourites) {
            return new Shape(
                    architecture,
                    newLayers,
                    width,
                    feedForward,
                    heads,
                    keyValueHeads,
                    headSize,
                    experts,
                    expertsUsed,
                    sharedExpert,
                    newFavourites);
        }

        /** Whether it scores documents instead of writing texts. */
        boolean ranks() {
            return architecture.equals("qwen3");
        }

        private Shape ofSize(long bytes) {
            long attention = 2L * width * heads * headSize + 2L * width * keyValueHeads * headSize;
            long weights = attention + 3L * width * feedForward * Math.max(1, experts);
            double layer = weights * GgmlType.Q8_0.bitsPerElement() / 8;
            return withLayers((int) Math.max(1, Math.round(bytes / layer)));
        }
    }

    /**
     * Writes a model.
     *
     * @param path the file, which is replaced if it exists
     * @param vocabulary a model whose tokenizer is copied
     * @param sparse whether the weights are a hole in the file, which reads as zeros and takes no
     *     space
     * @param progress is given the fraction that is written, 0 to 1; returns false to cancel
     * @throws IOException if it can't be written
     */
    public static void write(
            Path path, Shape shape, Gguf vocabulary, boolean sparse, DoublePredicate progress)
            throws IOException {
        RandomModel model = new RandomModel(vocabulary, sparse);
        model.describe(shape.architecture, shape.layers);
        model.metadata(shape);
        model.tensors(shape);
        model.writer.write(path, progress);
    }

    /** As {@link #write(Path, Shape, Gguf, boolean, DoublePredicate)}, of any architecture. */
    public static void write(
            Path path,
            Architecture architecture,
            Gguf vocabulary,
            boolean sparse,
            DoublePredicate progress)
            throws IOException {
        RandomModel model = new RandomModel(vocabulary, sparse);
        model.describe(architecture.name(), architecture.layers().size());
        architecture.metadata().forEach(model.writer::put);
        for (Architecture.Tensor tensor : architecture.tensors(model.tokens())) {
            model.add(tensor.name(), tensor.type(), values(architecture, tensor), tensor.extents());
        }
        model.writer.write(path, progress);
    }

    private static GgufWriter.Source values(Architecture architecture, Architecture.Tensor tensor) {
        String name = tensor.name();
        double queries = architecture.isCausal() ? QUERY_SCALE : 1;
        if (name.matches("blk\\.\\d+\\.attn_q(_b)?\\.weight")) {
            return RandomWeights.uniform(queries);
        }
        if (name.matches("blk\\.\\d+\\.attn_q_norm\\.weight")) {
            return RandomWeights.all(queries);
        }
        if (name.matches(".*(norm|norm_2|_ln)(\\.weight)?")) {
            return RandomWeights.all(1);
        }
        if (name.endsWith("ssm_a")) {
            return RandomWeights.decays();
        }
        if (name.equals("token_embd.weight")) {
            return RandomWeights.uniform(
                    architecture.scalesEmbedding()
                            ? SCALED_EMBEDDING_SCALE
                            : (architecture.hasExperts() ? SMALL_EMBEDDING_SCALE : 1)
                                    * Math.sqrt(tensor.extents()[0]));
        }
        return RandomWeights.uniform(1);
    }

    /** What all models have, and the vocabulary. */
    private void describe(String architecture, int layers) {
        writer.put("general.architecture", new GgufValue.Text(architecture));
        writer.put("general.name", new GgufValue.Text("random " + layers + " layers"));
        number("general.file_type", 7);
        number(architecture + ".context_length", CONTEXT);
        vocabulary
                .metadata()
                .asMap()
                .forEach(
                        (key, value) -> {
                            if (key.startsWith("tokenizer.")) {
                                writer.put(key, value);
                            }
                        });
    }

    private long tokens() {
        return vocabulary.metadata().array("tokenizer.ggml.tokens").orElseThrow().size();
    }

    private void metadata(Shape shape) {
        String arch = shape.architecture;
        number(arch + ".embedding_length", shape.width);
        number(arch + ".block_count", shape.layers);
        number(arch + ".feed_forward_length", shape.feedForward);
        number(arch + ".rope.dimension_count", shape.headSize);
        number(arch + ".attention.head_count", shape.heads);
        number(arch + ".attention.head_count_kv", shape.keyValueHeads);
        number(arch + ".attention.key_length", shape.headSize);
        number(arch + ".attention.value_length", shape.headSize);
        writer.put(
                arch + ".attention.layer_norm_rms_epsilon",
                new GgufValue.Real(GgufValueType.FLOAT32, 1e-5f));
        if (shape.experts > 0) {
            number(arch + ".expert_count", shape.experts);
            number(arch + ".expert_used_count", shape.expertsUsed);
            number(arch + ".expert_feed_forward_length", shape.feedForward);
        }
        if (arch.equals("llama4")) {
            number(arch + ".interleave_moe_layer_step", 1);
        }
        if (shape.ranks()) {
            number(arch + ".pooling_type", RANK);
            writer.put(
                    arch + ".classifier.output_labels",
                    new GgufValue.Array(GgufArray.ofStrings(LABELS)));
            writer.put("tokenizer.chat_template.rerank", new GgufValue.Text(RERANK_TEMPLATE));
        }
    }

    private void number(String key, long value) {
        writer.put(key, new GgufValue.Int(GgufValueType.UINT32, value));
    }

    private void tensors(Shape shape) {
        long tokens = tokens();
        long width = shape.width;
        double scale = shape.experts > 0 ? EMBEDDING_SCALE : 1;
        matrix("token_embd.weight", scale * Math.sqrt(width), width, tokens);
        for (int layer = 0; layer < shape.layers; layer++) {
            layer(shape, "blk." + layer + ".");
        }
        norm("output_norm.weight", width);
        if (shape.ranks()) {
            matrix("cls.output.weight", HEAD_SCALE, width, LABELS.size());
        } else {
            matrix("output.weight", 1, width, tokens);
        }
    }

    private void layer(Shape shape, String block) {
        long width = shape.width;
        long queries = (long) shape.heads * shape.headSize;
        long keys = (long) shape.keyValueHeads * shape.headSize;
        long rows = shape.feedForward;
        norm(block + "attn_norm.weight", width);
        matrix(block + "attn_q.weight", 1, width, queries);
        matrix(block + "attn_k.weight", 1, width, keys);
        matrix(block + "attn_v.weight", 1, width, keys);
        matrix(block + "attn_output.weight", 1, queries, width);
        if (shape.architecture.startsWith("qwen3")) {
            norm(block + "attn_q_norm.weight", shape.headSize);
            norm(block + "attn_k_norm.weight", shape.headSize);
        }
        norm(block + "ffn_norm.weight", width);
        if (shape.experts == 0) {
            matrix(block + "ffn_gate.weight", 1, width, rows);
            matrix(block + "ffn_up.weight", 1, width, rows);
            matrix(block + "ffn_down.weight", 1, rows, width);
            return;
        }
        add(
                block + "ffn_gate_inp.weight",
                GgmlType.F32,
                shape.favourites ? RandomWeights.favourites() : RandomWeights.uniform(1),
                width,
                shape.experts);
        matrix(block + "ffn_gate_exps.weight", 1, width, rows, shape.experts);
        matrix(block + "ffn_up_exps.weight", 1, width, rows, shape.experts);
        matrix(block + "ffn_down_exps.weight", 1, rows, width, shape.experts);
        if (shape.sharedExpert) {
            matrix(block + "ffn_gate_shexp.weight", 1, width, rows);
            matrix(block + "ffn_up_shexp.weight", 1, width, rows);
            matrix(block + "ffn_down_shexp.weight", 1, rows, width);
        }
    }

    private void norm(String name, long... extents) {
        add(name, GgmlType.F32, RandomWeights.all(1), extents);
    }

    private void matrix(String name, double scale, long... extents) {
        add(name, GgmlType.Q8_0, RandomWeights.uniform(scale), extents);
    }

    private void add(String name, GgmlType type, GgufWriter.Source source, long... extents) {
        List<Long> ne = Arrays.stream(extents).boxed().toList();
        // With norms of zeros nothing could be computed.
        if (sparse && type != GgmlType.F32) {
            writer.addHole(name, type, ne);
        } else {
            writer.add(name, type, ne, source);
        }
    }
}
