package io.github.bigllama.gguf;

import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A dense {@code llama} model of any size with random Q8_0 weights: computes like a real one of its
 * size, and talks nonsense. For measuring where there is no real one.
 */
public final class RandomModel {
    private static final int WIDTH = 2048;
    private static final int FEED_FORWARD = 5632;
    private static final int HEAD_SIZE = 64;
    private static final int KEY_VALUE_HEADS = 8;
    private static final int CONTEXT = 4096;
    private static final int ALIGNMENT = 32;

    private final Gguf vocabulary;
    private final int layers;
    private final List<TensorInfo> tensors = new ArrayList<>();
    private final SplittableRandom random = new SplittableRandom(42);
    private long dataSize;

    private RandomModel(Gguf vocabulary, long bytes) {
        this.vocabulary = vocabulary;
        long tokens = vocabulary.metadata().array("tokenizer.ggml.tokens").orElseThrow().size();
        add("token_embd.weight", GgmlType.Q8_0, WIDTH, tokens);
        add("output_norm.weight", GgmlType.F32, WIDTH);
        long ends = dataSize;
        addLayer(0);
        this.layers = (int) Math.max(1, (bytes - ends) / (dataSize - ends));
        for (int layer = 1; layer < layers; layer++) {
            addLayer(layer);
        }
    }

    /**
     * Writes a model.
     *
     * @param path the file, which is replaced if it exists
     * @param bytes about how large it is to be; a layer has 53 MB
     * @param vocabulary a model whose tokenizer it gets
     * @throws IOException if it can't be written
     */
    public static void write(Path path, long bytes, Gguf vocabulary) throws IOException {
        RandomModel model = new RandomModel(vocabulary, bytes);
        try (DataOutputStream out =
                new DataOutputStream(
                        new BufferedOutputStream(Files.newOutputStream(path), 1 << 20))) {
            model.writeHeader(out);
            for (TensorInfo tensor : model.tensors) {
                model.writeData(tensor, out);
            }
        }
    }

    private void addLayer(int layer) {
        long keyValue = (long) HEAD_SIZE * KEY_VALUE_HEADS;
        String block = "blk." + layer + ".";
        add(block + "attn_norm.weight", GgmlType.F32, WIDTH);
        add(block + "attn_q.weight", GgmlType.Q8_0, WIDTH, WIDTH);
        add(block + "attn_k.weight", GgmlType.Q8_0, WIDTH, keyValue);
        add(block + "attn_v.weight", GgmlType.Q8_0, WIDTH, keyValue);
        add(block + "attn_output.weight", GgmlType.Q8_0, WIDTH, WIDTH);
        add(block + "ffn_norm.weight", GgmlType.F32, WIDTH);
        add(block + "ffn_gate.weight", GgmlType.Q8_0, WIDTH, FEED_FORWARD);
        add(block + "ffn_up.weight", GgmlType.Q8_0, WIDTH, FEED_FORWARD);
        add(block + "ffn_down.weight", GgmlType.Q8_0, FEED_FORWARD, WIDTH);
    }

    /** All sizes are multiples of the alignment. */
    private void add(String name, GgmlType type, long... shape) {
        long elements = 1;
        List<Long> ne = new ArrayList<>();
        for (long extent : shape) {
            elements *= extent;
            ne.add(extent);
        }
        long size = elements / type.blockSize() * type.typeSize();
        tensors.add(new TensorInfo(name, type, ne, dataSize, size));
        dataSize += size;
    }

    private Map<String, GgufValue> metadata() {
        Map<String, GgufValue> metadata = new LinkedHashMap<>();
        metadata.put("general.architecture", new GgufValue.Text("llama"));
        metadata.put("general.name", new GgufValue.Text("random " + layers + " layers"));
        metadata.put("general.file_type", integer(7));
        metadata.put("llama.context_length", integer(CONTEXT));
        metadata.put("llama.embedding_length", integer(WIDTH));
        metadata.put("llama.block_count", integer(layers));
        metadata.put("llama.feed_forward_length", integer(FEED_FORWARD));
        metadata.put("llama.rope.dimension_count", integer(HEAD_SIZE));
        metadata.put("llama.attention.head_count", integer(WIDTH / HEAD_SIZE));
        metadata.put("llama.attention.head_count_kv", integer(KEY_VALUE_HEADS));
        metadata.put(
                "llama.attention.layer_norm_rms_epsilon",
                new GgufValue.Real(GgufValueType.FLOAT32, 1e-5f));
        vocabulary
                .metadata()
                .asMap()
                .forEach(
                        (key, value) -> {
                            if (key.startsWith("tokenizer.")) {
                                metadata.put(key, value);
                            }
                        });
        return metadata;
    }

    private static GgufValue integer(long value) {
        return new GgufValue.Int(GgufValueType.UINT32, value);
    }

    private void writeHeader(DataOutputStream out) throws IOException {
        Map<String, GgufValue> metadata = metadata();
        out.write("GGUF".getBytes(StandardCharsets.US_ASCII));
        int32(out, 3);
        int64(out, tensors.size());
        int64(out, metadata.size());
        for (Map.Entry<String, GgufValue> entry : metadata.entrySet()) {
            text(out, entry.getKey());
            int32(out, entry.getValue().type().id());
            value(out, entry.getValue());
        }
        for (TensorInfo tensor : tensors) {
            text(out, tensor.name());
            int32(out, tensor.shape().size());
            for (long extent : tensor.shape()) {
                int64(out, extent);
            }
            int32(out, tensor.type().id());
            int64(out, tensor.offset());
        }
        out.write(new byte[-out.size() & (ALIGNMENT - 1)]);
    }

    /** Norms are 1; weights are uniform with the variance that keeps activations of a size. */
    private void writeData(TensorInfo tensor, DataOutputStream out) throws IOException {
        if (tensor.type() == GgmlType.F32) {
            for (long i = 0; i < tensor.elements(); i++) {
                int32(out, Float.floatToRawIntBits(1));
            }
            return;
        }
        // A byte has a standard deviation of 256/√12; weights want 1/√(inputs).
        double scale = Math.sqrt(12) / 256 / Math.sqrt(tensor.ne(0));
        short half = Float.floatToFloat16((float) scale);
        ByteBuffer block =
                ByteBuffer.allocate(GgmlType.Q8_0.typeSize()).order(ByteOrder.LITTLE_ENDIAN);
        byte[] weights = new byte[GgmlType.Q8_0.blockSize()];
        for (long left = tensor.size(); left > 0; left -= block.capacity()) {
            random.nextBytes(weights);
            block.clear().putShort(half).put(weights);
            out.write(block.array());
        }
    }

    private static void value(DataOutputStream out, GgufValue value) throws IOException {
        switch (value) {
            case GgufValue.Text text -> text(out, text.value());
            case GgufValue.Bool bool -> out.writeByte(bool.value() ? 1 : 0);
            case GgufValue.Int number -> number(out, number.type().size(), number.value());
            case GgufValue.Real number -> real(out, number.type(), number.value());
            case GgufValue.Array array -> array(out, array.value());
        }
    }

    private static void array(DataOutputStream out, GgufArray array) throws IOException {
        GgufValueType type = array.elementType();
        int32(out, type.id());
        int64(out, array.size());
        for (int i = 0; i < array.size(); i++) {
            switch (type) {
                case STRING -> {
                    int64(out, array.bytes(i).length);
                    out.write(array.bytes(i));
                }
                case BOOL -> out.writeByte(array.bool(i) ? 1 : 0);
                case FLOAT32, FLOAT64 -> real(out, type, array.real(i));
                case ARRAY -> throw new IOException("no tokenizer has arrays of arrays");
                default -> number(out, type.size(), array.integer(i));
            }
        }
    }

    private static void real(DataOutputStream out, GgufValueType type, double value)
            throws IOException {
        if (type == GgufValueType.FLOAT32) {
            int32(out, Float.floatToRawIntBits((float) value));
        } else {
            int64(out, Double.doubleToRawLongBits(value));
        }
    }

    private static void text(DataOutputStream out, String text) throws IOException {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        int64(out, bytes.length);
        out.write(bytes);
    }

    private static void int32(DataOutputStream out, int value) throws IOException {
        out.writeInt(Integer.reverseBytes(value));
    }

    private static void int64(DataOutputStream out, long value) throws IOException {
        out.writeLong(Long.reverseBytes(value));
    }

    private static void number(DataOutputStream out, int size, long value) throws IOException {
        for (int i = 0; i < size; i++) {
            out.writeByte((int) (value >> (8 * i)));
        }
    }
}
