package io.github.bigllama.testing;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufValue;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;

/**
 * A BERT that reads letters and scores documents: two layers of random F32 weights, which depend
 * only on their names, a WordPiece vocabulary, and a head as in bge-reranker and in the
 * cross-encoders for MS MARCO.
 */
public final class TinyBert {
    private static final long WIDTH = 32;
    private static final int CONTEXT = 128;
    private static final int LAYERS = 2;

    private TinyBert() {}

    /**
     * A reranker, to be changed or written.
     *
     * @param labels the names of its scores; none for one score without a name
     */
    public static RawGguf reranker(String... labels) {
        RawGguf gguf =
                new RawGguf()
                        .text("general.architecture", "bert")
                        .u32("bert.block_count", LAYERS)
                        .u32("bert.context_length", CONTEXT)
                        .u32("bert.embedding_length", WIDTH)
                        .u32("bert.feed_forward_length", 2 * WIDTH)
                        .u32("bert.attention.head_count", 4)
                        .f32("bert.attention.layer_norm_epsilon", 1e-12f)
                        .put("bert.attention.causal", new GgufValue.Bool(false))
                        .u32("bert.pooling_type", 4);
        if (labels.length > 0) {
            gguf.strings("bert.classifier.output_labels", List.of(labels));
        }
        long tokens = vocabulary(gguf);
        matrix(gguf, "token_embd.weight", WIDTH, tokens);
        matrix(gguf, "token_types.weight", WIDTH, 2L);
        matrix(gguf, "position_embd.weight", WIDTH, (long) CONTEXT);
        norm(gguf, "token_embd_norm");
        for (int layer = 0; layer < LAYERS; layer++) {
            String block = "blk." + layer + ".";
            for (String name : List.of("attn_q", "attn_k", "attn_v", "attn_output")) {
                linear(gguf, block + name, WIDTH, WIDTH);
            }
            norm(gguf, block + "attn_output_norm");
            linear(gguf, block + "ffn_up", WIDTH, 2 * WIDTH);
            linear(gguf, block + "ffn_down", 2 * WIDTH, WIDTH);
            norm(gguf, block + "layer_output_norm");
        }
        linear(gguf, "cls", WIDTH, WIDTH);
        linear(gguf, "cls.output", WIDTH, Math.max(1, labels.length));
        return gguf;
    }

    /** Writes a {@link #reranker}. */
    public static Path reranker(Path file, String... labels) throws IOException {
        return reranker(labels).write(file);
    }

    private static int vocabulary(RawGguf gguf) {
        List<String> tokens = new ArrayList<>(List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]"));
        for (char c = '!'; c <= '~'; c++) {
            if (!Character.isUpperCase(c)) {
                tokens.add("▁" + c);
                tokens.add("" + c);
            }
        }
        gguf.text("tokenizer.ggml.model", "bert")
                .strings("tokenizer.ggml.tokens", tokens)
                .i32s("tokenizer.ggml.token_type", types(tokens.size()))
                .u32("tokenizer.ggml.token_type_count", 2)
                .u32("tokenizer.ggml.padding_token_id", 0)
                .u32("tokenizer.ggml.unknown_token_id", 1)
                .u32("tokenizer.ggml.bos_token_id", 2)
                .u32("tokenizer.ggml.eos_token_id", 3)
                .u32("tokenizer.ggml.seperator_token_id", 3)
                .put("tokenizer.ggml.add_eos_token", new GgufValue.Bool(true))
                .put("tokenizer.ggml.add_sep_token", new GgufValue.Bool(false));
        return tokens.size();
    }

    /** Control tokens, then normal ones. */
    private static List<Integer> types(int size) {
        List<Integer> types = new ArrayList<>(Collections.nCopies(size, 1));
        Collections.fill(types.subList(0, 4), 3);
        return types;
    }

    private static void linear(RawGguf gguf, String name, long columns, long rows) {
        matrix(gguf, name + ".weight", columns, rows);
        matrix(gguf, name + ".bias", rows);
    }

    private static void norm(RawGguf gguf, String name) {
        add(gguf, name + ".weight", 1, 0.1, WIDTH);
        matrix(gguf, name + ".bias", WIDTH);
    }

    private static void matrix(RawGguf gguf, String name, Long... shape) {
        add(gguf, name, 0, 2 / Math.sqrt(shape[0]), shape);
    }

    private static void add(RawGguf gguf, String name, double mean, double most, Long... shape) {
        SplittableRandom random = new SplittableRandom(name.hashCode());
        long elements = List.of(shape).stream().reduce(1L, Math::multiplyExact);
        ByteBuffer data =
                ByteBuffer.allocate((int) elements * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
        while (data.hasRemaining()) {
            data.putFloat((float) (mean + most * (2 * random.nextDouble() - 1)));
        }
        gguf.tensors.add(new RawGguf.Tensor(name, GgmlType.F32.id(), List.of(shape), data.array()));
    }
}
