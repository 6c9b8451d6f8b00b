package io.github.bigllama.internal.synthetic;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.GgufWriter;
import io.github.bigllama.core.gguf.TensorInfo;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Bytes for random tensors, which depend only on the tensor's name. */
final class RandomWeights {
    private static final int BLOCK = GgmlType.Q8_0.typeSize();

    /** The standard deviation of a uniformly distributed byte. */
    private static final double BYTE_DEVIATION = 256 / Math.sqrt(12);

    private static final int CHUNK = 1 << 15;

    /** By how many powers of two the rows of a router with favourites differ in length. */
    private static final double OCTAVES = 2;

    private RandomWeights() {}

    /**
     * Q8_0 or F32 weights, uniformly distributed: with a scale of 1 they keep the magnitude of
     * activations around 1.
     */
    static GgufWriter.Source uniform(double scale) {
        return (tensor, out) -> {
            SplittableRandom random = new SplittableRandom(tensor.name().hashCode());
            double deviation = scale / Math.sqrt(tensor.ne(0));
            if (tensor.type() == GgmlType.F32) {
                floats(
                        tensor,
                        out,
                        () -> (float) ((random.nextDouble() - 0.5) * Math.sqrt(12) * deviation));
            } else {
                quants(tensor.size(), out, random, (float) (deviation / BYTE_DEVIATION));
            }
        };
    }

    /**
     * F32 weights of a router whose rows have different lengths: the scores of long rows are large
     * more often, so their experts are chosen more often. Which rows are long is random.
     */
    static GgufWriter.Source favourites() {
        return (tensor, out) -> {
            SplittableRandom random = new SplittableRandom(tensor.name().hashCode());
            double[] scale = {0};
            long[] at = {0};
            floats(
                    tensor,
                    out,
                    () -> {
                        if (at[0]++ % tensor.ne(0) == 0) {
                            scale[0] = Math.pow(2, -OCTAVES * random.nextDouble());
                        }
                        double uniform = (random.nextDouble() - 0.5) * Math.sqrt(12);
                        return (float) (scale[0] * uniform / Math.sqrt(tensor.ne(0)));
                    });
        };
    }

    /** F32 logarithms of how a state decays from token to token: below zero. */
    static GgufWriter.Source decays() {
        return (tensor, out) -> {
            SplittableRandom random = new SplittableRandom(tensor.name().hashCode());
            floats(tensor, out, () -> (float) -(0.1 + random.nextDouble()));
        };
    }

    /** F32 weights that all are the same, as those of a norm. */
    static GgufWriter.Source all(double value) {
        return (tensor, out) -> floats(tensor, out, () -> (float) value);
    }

    /** Zeros, for any type that represents zero with zero bits. */
    static GgufWriter.Source zeros() {
        return (tensor, out) -> zeros(tensor.size(), out);
    }

    static void zeros(long size, OutputStream out) throws IOException {
        byte[] zeros = new byte[(int) Math.min(size, 1 << 20)];
        for (long left = size; left > 0; left -= zeros.length) {
            out.write(zeros, 0, (int) Math.min(left, zeros.length));
        }
    }

    /** Blocks of Q8_0 that all have the same scale. */
    static void quants(long size, OutputStream out, SplittableRandom random, float scale)
            throws IOException {
        byte[] bytes = new byte[CHUNK / BLOCK * BLOCK];
        short half = Float.floatToFloat16(scale);
        for (long left = size; left > 0; left -= bytes.length) {
            random.nextBytes(bytes);
            ByteBuffer blocks = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            for (int block = 0; block < bytes.length; block += BLOCK) {
                blocks.putShort(block, half);
            }
            out.write(bytes, 0, (int) Math.min(left, bytes.length));
        }
    }

    /** A sequence of numbers. */
    private interface Numbers {
        float next();
    }

    private static void floats(TensorInfo tensor, OutputStream out, Numbers numbers)
            throws IOException {
        ByteBuffer row = ByteBuffer.allocate((int) tensor.ne(0) * Float.BYTES);
        row.order(ByteOrder.LITTLE_ENDIAN);
        for (long i = 0; i < tensor.elements(); i += tensor.ne(0)) {
            row.clear();
            for (int j = 0; j < tensor.ne(0); j++) {
                row.putFloat(numbers.next());
            }
            out.write(Arrays.copyOf(row.array(), row.position()));
        }
    }
}
