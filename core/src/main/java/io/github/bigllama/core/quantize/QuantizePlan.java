package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.TensorInfo;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The type and size that each tensor will have, as llama.cpp decides in a dry run. Immutable.
 *
 * @param tensors all tensors, in the order of the model's files
 * @param fileSizes the sizes of the files that will be written, in bytes; several only for a split
 *     model that stays split. Exact, except if names and texts in the header are not UTF-8
 * @param sourceSize the size of the model's files, in bytes
 * @param fallbacks number of tensors that get another type than intended, because their row length
 *     is not a multiple of its block size
 * @param obstacle why {@link Quantizer#write} will refuse, if it will: sizes are known even for
 *     results that can't be made
 */
public record QuantizePlan(
        List<Tensor> tensors,
        List<Long> fileSizes,
        long sourceSize,
        int fallbacks,
        Optional<String> obstacle) {

    /**
     * A tensor and its new type.
     *
     * @param source the tensor as it is now
     * @param part the file of the model that it is in, from 0
     * @param type the new type
     */
    public record Tensor(TensorInfo source, int part, GgmlType type) {
        /** The new size of its data, in bytes. */
        public long size() {
            return source.elements() / type.blockSize() * type.typeSize();
        }

        /** Whether the tensor is converted, not just copied. */
        public boolean isConverted() {
            return source.type() != type;
        }
    }

    /**
     * The tensors of one type.
     *
     * @param tensors number of tensors
     * @param bytes size of their data
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

    /** New bits per weight, scales and vectors included; without the header. */
    public double bitsPerWeight() {
        return bits(tensors.stream().mapToLong(Tensor::size).sum());
    }

    /** Current bits per weight, scales and vectors included; without the header. */
    public double sourceBitsPerWeight() {
        return bits(tensors.stream().mapToLong(tensor -> tensor.source().size()).sum());
    }

    private double bits(long bytes) {
        return 8.0 * bytes / tensors.stream().mapToLong(tensor -> tensor.source().elements()).sum();
    }

    /** The number and size of the tensors of each new type. */
    public Map<GgmlType, Share> types() {
        Map<GgmlType, Share> types = new EnumMap<>(GgmlType.class);
        for (Tensor tensor : tensors) {
            Share before = types.getOrDefault(tensor.type(), new Share(0, 0));
            types.put(tensor.type(), before.plus(tensor));
        }
        return types;
    }
}
