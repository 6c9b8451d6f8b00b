package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.TensorInfo;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.util.EnumSet;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Looks for weights on which llama.cpp's kernels for one to three bits abort the process: if the
 * distances to all points of their grid are infinite, they find no nearest point
 * (GGML_ASSERT(grid_index >= 0) in ggml-quants.c). F16 and quantized weights are never that large.
 * The scan takes a hundredth of the time of these kernels.
 */
final class WeightScan {
    /**
     * Its third power, times the largest value of an importance matrix, is still a finite float. No
     * real weight comes near it.
     */
    private static final float MOST = 1e6f;

    private static final Set<GgmlType> DELICATE =
            EnumSet.of(
                    GgmlType.IQ1_S,
                    GgmlType.IQ1_M,
                    GgmlType.IQ2_XXS,
                    GgmlType.IQ2_XS,
                    GgmlType.IQ2_S,
                    GgmlType.IQ3_XXS,
                    GgmlType.IQ3_S);

    private static final ValueLayout.OfInt INT =
            ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
            ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private WeightScan() {}

    /**
     * Scans a tensor, if its new type needs it.
     *
     * @return the index of the first weight that is too large or not a number
     */
    static OptionalLong unusable(Gguf file, QuantizePlan.Tensor tensor) throws IOException {
        TensorInfo source = tensor.source();
        boolean wide = source.type() == GgmlType.F32 || source.type() == GgmlType.BF16;
        if (!wide || !tensor.isConverted() || !DELICATE.contains(tensor.type())) {
            return OptionalLong.empty();
        }
        try (Arena arena = Arena.ofConfined();
                FileChannel channel = FileChannel.open(file.path().orElseThrow())) {
            MemorySegment data =
                    channel.map(
                            MapMode.READ_ONLY,
                            file.dataOffset() + source.offset(),
                            source.size(),
                            arena);
            boolean brain = source.type() == GgmlType.BF16;
            for (long i = 0; i < source.elements(); i++) {
                int bits = brain ? data.getAtIndex(SHORT, i) << 16 : data.getAtIndex(INT, i);
                if (!(Math.abs(Float.intBitsToFloat(bits)) <= MOST)) {
                    return OptionalLong.of(i);
                }
            }
        }
        return OptionalLong.empty();
    }
}
