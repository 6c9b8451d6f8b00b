package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.TensorInfo;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * What becomes of each tensor, as llama.cpp decides it in a dry run. Immutable.
 *
 * @param tensors all tensors, in the order of the model's files
 * @param fileSizes the sizes of the files that will be written, in bytes; several only for a split
 *     that is kept. Exact, but for names and texts in the header that are not UTF-8
 * @param sourceSize the size of the model's files, in bytes
 * @param fallbacks how many tensors get another type than they should, because their rows are no
 *     multiple of its block
 * @param obstacle why {@link Quantizer#write} will refuse, if so: sizes can be had of what can't be
 *     made
 */
public record QuantizePlan(
        List<Tensor> tensors,
        List<Long> fileSizes,
        long sourceSize,
        int fallbacks,
        Optional<String> obstacle) {

    /**
     * A tensor and its type afterwards.
     *
     * @param source what it is now
     * @param part in which file of the model it is, from 0
     * @param type what it becomes
     */
    public record Tensor(TensorInfo source, int part, GgmlType type) {
        /** Bytes of its data afterwards. */
        public long size() {
            return source.elements() / type.blockSize() * type.typeSize();
        }

        /** Whether it is computed, not just copied. */
        public boolean isConverted() {
            return source.type() != type;
        }
    }

    /**
     * The tensors of a type.
     *
     * @param tensors how many
     * @param bytes their data
     */
    public record Share(int tensors, long bytes) {
        private Share plus(Tensor tensor) {
            return new Share(tensors + 1, bytes + tensor.size());
        }
    }

    public QuantizePlan {
        tensors = List.copyOf(tensors);
        fileSizes = List.copyOf(fileSizes);
    }

    /** The size of all files that will be written, in bytes. */
    public long size() {
        return fileSizes.stream().mapToLong(Long::longValue).sum();
    }

    /** Bits for one weight afterwards, scales and vectors included; without the header. */
    public double bitsPerWeight() {
        return bits(tensors.stream().mapToLong(Tensor::size).sum());
    }

    /** Bits for one weight now. */
    public double sourceBitsPerWeight() {
        return bits(tensors.stream().mapToLong(tensor -> tensor.source().size()).sum());
    }

    private double bits(long bytes) {
        return 8.0 * bytes / tensors.stream().mapToLong(tensor -> tensor.source().elements()).sum();
    }

    /** How many tensors and bytes have which type afterwards. */
    public Map<GgmlType, Share> types() {
        Map<GgmlType, Share> types = new EnumMap<>(GgmlType.class);
        for (Tensor tensor : tensors) {
            Share before = types.getOrDefault(tensor.type(), new Share(0, 0));
            types.put(tensor.type(), before.plus(tensor));
        }
        return types;
    }
}
