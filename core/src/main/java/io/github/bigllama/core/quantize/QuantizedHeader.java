package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.GgufValue;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Predicts the sizes of the files: llama_model_quantize copies the metadata and adds and removes a
 * few pairs, which its dry run does not count.
 */
final class QuantizedHeader {
    /** GGUF_DEFAULT_ALIGNMENT, which llama.cpp writes with, whatever the alignment of the model. */
    static final int ALIGNMENT = 32;

    /** Magic, version, number of tensors and of pairs. */
    private static final int START = 24;

    /** The type of a value, and the length of a string. */
    private static final int TYPE = 4;

    private static final int LENGTH = 8;

    /** The size of {@code val_str} without its terminating NUL. */
    private static final int MAX_TEXT = 127;

    /** The keys of a split and the bytes of their values, which llama.cpp removes or adds. */
    private static final Map<String, Integer> SPLIT =
            Map.of("split.no", 2, "split.count", 2, "split.tensors.count", 4);

    private QuantizedHeader() {}

    /** The metadata about an importance matrix, as llama-quantize writes it. */
    static Map<String, Object> origin(ImportanceMatrix matrix) {
        Map<String, Object> pairs = new LinkedHashMap<>();
        pairs.put("quantize.imatrix.file", cut(matrix.file().toString()));
        if (!matrix.datasets().isEmpty()) {
            pairs.put("quantize.imatrix.dataset", cut(matrix.datasets().getFirst()));
        }
        pairs.put("quantize.imatrix.entries_count", (long) matrix.values().size());
        if (matrix.chunks() > 0) {
            pairs.put("quantize.imatrix.chunks_count", matrix.chunks());
        }
        return pairs;
    }

    /**
     * The beginning of a text that fits into {@link #MAX_TEXT} bytes of UTF-8, cut between
     * characters.
     */
    private static String cut(String text) {
        StringBuilder cut = new StringBuilder();
        int bytes = 0;
        for (int c : text.codePoints().takeWhile(c -> c != 0).toArray()) {
            bytes += utf8(Character.toString(c));
            if (bytes > MAX_TEXT) {
                break;
            }
            cut.appendCodePoint(c);
        }
        return cut.toString();
    }

    /** The sizes of the files that will be written. */
    static List<Long> fileSizes(
            ModelFiles model,
            List<QuantizePlan.Tensor> tensors,
            boolean keepSplit,
            @Nullable ImportanceMatrix imatrix) {
        int parts = keepSplit ? model.parts().size() : 1;
        List<Long> sizes = new ArrayList<>();
        for (int part = 0; part < parts; part++) {
            long header = part == 0 ? pairs(model.first(), imatrix) : START;
            if (parts > 1) {
                header += SPLIT.keySet().stream().mapToLong(QuantizedHeader::split).sum();
            }
            long data = 0;
            for (QuantizePlan.Tensor tensor : tensors) {
                if (parts == 1 || tensor.part() == part) {
                    header += row(tensor.source(), dimensions(tensor.source()));
                    data += padded(tensor.size());
                }
            }
            sizes.add(padded(header) + data);
        }
        return sizes;
    }

    /**
     * Size of the start and the metadata: that of the model, without the pairs of a split, with the
     * added ones.
     */
    private static long pairs(Gguf model, @Nullable ImportanceMatrix imatrix) {
        long size = model.headerSize();
        for (TensorInfo tensor : model.tensors()) {
            size -= row(tensor, tensor.shape().size());
        }
        Map<String, Integer> added = new LinkedHashMap<>();
        added.put("general.quantization_version", Integer.BYTES);
        added.put("general.file_type", Integer.BYTES);
        if (imatrix != null) {
            origin(imatrix)
                    .forEach(
                            (key, value) ->
                                    added.put(
                                            key,
                                            value instanceof Long
                                                    ? Integer.BYTES
                                                    : LENGTH + utf8(value.toString())));
        }
        for (Map.Entry<String, Integer> pair : added.entrySet()) {
            size += pair(pair.getKey(), pair.getValue()) - pairSize(model, pair.getKey());
        }
        for (String key : SPLIT.keySet()) {
            size -= pairSize(model, key);
        }
        return size;
    }

    /** The size of a pair that the model has, 0 if it has none. */
    private static long pairSize(Gguf model, String key) {
        GgufValue value = model.metadata().find(key).orElse(null);
        return switch (value) {
            case null -> 0;
            case GgufValue.Text text -> pair(key, LENGTH + utf8(text.value()));
            // None of these keys holds an array in a valid model.
            case GgufValue.Array array -> 0;
            default -> pair(key, value.type().size());
        };
    }

    private static long split(String key) {
        return pair(key, SPLIT.get(key));
    }

    private static long pair(String key, int valueSize) {
        return LENGTH + utf8(key) + TYPE + valueSize;
    }

    /** The size of a row of the tensor table: name, dimensions, type, offset. */
    private static long row(TensorInfo tensor, int dimensions) {
        return LENGTH + utf8(tensor.name()) + 4 + 8L * dimensions + TYPE + 8;
    }

    /** ggml_n_dims: trailing dimensions of 1 are not written. */
    private static int dimensions(TensorInfo tensor) {
        int dimensions = TensorInfo.MAX_DIMENSIONS;
        while (dimensions > 1 && tensor.ne(dimensions - 1) == 1) {
            dimensions--;
        }
        return dimensions;
    }

    private static int utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    private static long padded(long size) {
        return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
}
