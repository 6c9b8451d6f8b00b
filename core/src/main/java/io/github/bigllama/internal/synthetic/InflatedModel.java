package io.github.bigllama.internal.synthetic;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufException;
import io.github.bigllama.core.gguf.GgufException.Problem;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.GgufValueType;
import io.github.bigllama.core.gguf.GgufWriter;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.internal.check.ModelCheck;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.function.DoublePredicate;

/**
 * Makes a model larger without changing its answers: neurons and layers are added whose output is
 * multiplied by zero. They have to be read and computed like the others, so that a small model
 * shows how a large one runs, and its answers show whether it runs correctly.
 *
 * <p>For {@code llama} models with Q8_0 matrices. A dead neuron is a random row of the gate and of
 * the up projection with a column of zeros in the down projection; a dead layer is a random one
 * whose two output projections are zero.
 */
public final class InflatedModel {
    private static final int BLOCK = GgmlType.Q8_0.blockSize();
    private static final int BLOCK_BYTES = GgmlType.Q8_0.typeSize();

    /** Rows are multiples of this, as in real models: so k-quants can be made of them. */
    private static final int SUPER_BLOCK = GgmlType.Q2_K.blockSize();

    /** The number of layers of real models of some gigabytes. */
    private static final int MOST_LAYERS = 48;

    /** Neurons are multiplied up to this factor before layers are added. */
    private static final int NEURONS_BEFORE_LAYERS = 8;

    private static final float SCALE = 0.001f;

    private final Gguf model;
    private final int layers;
    private final long width;
    private final long neurons;
    private final GgufWriter writer = new GgufWriter();
    private final SplittableRandom random = new SplittableRandom(7);

    private InflatedModel(Gguf model) {
        this.model = model;
        requireKind();
        this.layers = (int) number("block_count");
        this.width = number("embedding_length");
        this.neurons = number("feed_forward_length");
    }

    /**
     * Writes an inflated model.
     *
     * @param in the model
     * @param bytes approximate size of the result, more than that of {@code in}
     * @param out the file, which is replaced if it exists
     * @param progress is given the fraction that is written, 0 to 1; returns false to cancel
     * @throws GgufException if the model is of another kind
     * @throws IOException if it can't be read or written
     */
    public static void write(Path in, long bytes, Path out, DoublePredicate progress)
            throws IOException {
        Gguf model = Gguf.read(in);
        ModelCheck.requireByteOrder(model);
        InflatedModel inflated = new InflatedModel(model);
        try (FileChannel file = FileChannel.open(in)) {
            inflated.build(bytes, file);
            inflated.writer.write(out, progress);
        }
    }

    private void requireKind() {
        if (!model.architecture().equals(Optional.of("llama"))
                || model.tensor("blk.0.ffn_gate.weight").isEmpty()) {
            throw unsupported("only dense models of the architecture llama can be inflated");
        }
        for (TensorInfo tensor : model.tensors()) {
            boolean matrix = tensor.name().startsWith("blk.") && tensor.shape().size() > 1;
            if (matrix && tensor.type() != GgmlType.Q8_0) {
                throw unsupported(
                        "%s is %s, only Q8_0 can be inflated"
                                .formatted(tensor.name(), tensor.type().label()));
            }
        }
    }

    private GgufException unsupported(String message) {
        return new GgufException(Problem.UNUSABLE, model.file(), message);
    }

    private long number(String key) {
        GgufValue value = model.metadata().find("llama." + key).orElse(null);
        if (value instanceof GgufValue.Int number) {
            return number.value();
        }
        throw unsupported("it has no number with the key llama." + key);
    }

    private void build(long bytes, FileChannel file) {
        // A neuron is a row of the gate, a row of the up projection and a column of the down
        // projection.
        double neuron = 3.0 * width * BLOCK_BYTES / BLOCK;
        double layerRest = layerBytes() - neurons * neuron;
        double ends = model.fileSize() - layers * layerBytes();
        double wanted = bytes - ends;
        double few = layers * (layerRest + NEURONS_BEFORE_LAYERS * neurons * neuron);
        int allLayers =
                Math.clamp(
                        Math.round(layers * wanted / few), layers, Math.max(layers, MOST_LAYERS));
        long allNeurons =
                Math.max(
                        neurons,
                        Math.round((wanted / allLayers - layerRest) / neuron / SUPER_BLOCK)
                                * SUPER_BLOCK);
        model.metadata().asMap().forEach(writer::put);
        put("block_count", allLayers);
        put("feed_forward_length", allNeurons);
        for (TensorInfo tensor : model.tensors()) {
            if (!tensor.name().startsWith("blk.")) {
                writer.add(tensor.name(), tensor.type(), tensor.shape(), copy(tensor, file));
            }
        }
        for (int layer = 0; layer < allLayers; layer++) {
            // Real layers keep their order, with dead ones between them.
            int real = layer * layers / allLayers;
            boolean alive = (layer + 1) * layers / allLayers > real;
            layer(layer, real, alive, allNeurons, file);
        }
    }

    private double layerBytes() {
        return model.tensors().stream()
                .filter(tensor -> tensor.name().startsWith("blk.0."))
                .mapToLong(TensorInfo::size)
                .sum();
    }

    private void put(String key, long value) {
        writer.put("llama." + key, new GgufValue.Int(GgufValueType.UINT32, value));
    }

    private void layer(int layer, int real, boolean alive, long allNeurons, FileChannel file) {
        String from = "blk." + real + ".";
        for (TensorInfo tensor : model.tensors()) {
            if (!tensor.name().startsWith(from)) {
                continue;
            }
            String role = tensor.name().substring(from.length());
            List<Long> shape = new ArrayList<>(tensor.shape());
            GgufWriter.Source source;
            switch (role) {
                case "ffn_gate.weight", "ffn_up.weight" -> {
                    shape.set(1, allNeurons);
                    source = alive ? withRows(tensor, file) : random();
                }
                case "ffn_down.weight" -> {
                    shape.set(0, allNeurons);
                    source = alive ? withColumns(tensor, file) : RandomWeights.zeros();
                }
                case "attn_output.weight" ->
                        source = alive ? copy(tensor, file) : RandomWeights.zeros();
                default -> source = alive || shape.size() == 1 ? copy(tensor, file) : random();
            }
            writer.add("blk." + layer + "." + role, tensor.type(), shape, source);
        }
    }

    private GgufWriter.Source random() {
        return (tensor, out) -> RandomWeights.quants(tensor.size(), out, random, SCALE);
    }

    private GgufWriter.Source copy(TensorInfo original, FileChannel file) {
        return (tensor, out) -> copy(original, 0, original.size(), file, out);
    }

    /** The original rows, followed by random ones. */
    private GgufWriter.Source withRows(TensorInfo original, FileChannel file) {
        return (tensor, out) -> {
            copy(original, 0, original.size(), file, out);
            RandomWeights.quants(tensor.size() - original.size(), out, random, SCALE);
        };
    }

    /** The original columns of every row, followed by zeros. */
    private GgufWriter.Source withColumns(TensorInfo original, FileChannel file) {
        return (tensor, out) -> {
            long realRow = original.ne(0) / BLOCK * BLOCK_BYTES;
            long row = tensor.ne(0) / BLOCK * BLOCK_BYTES;
            for (long i = 0; i < tensor.ne(1); i++) {
                copy(original, i * realRow, realRow, file, out);
                RandomWeights.zeros(row - realRow, out);
            }
        };
    }

    private void copy(TensorInfo tensor, long from, long size, FileChannel file, OutputStream out)
            throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate((int) size).order(ByteOrder.LITTLE_ENDIAN);
        long at = model.dataOffset() + tensor.offset() + from;
        while (bytes.hasRemaining()) {
            if (file.read(bytes, at + bytes.position()) < 0) {
                throw new IOException(model.file() + " ends within " + tensor.name());
            }
        }
        out.write(bytes.array());
    }
}
