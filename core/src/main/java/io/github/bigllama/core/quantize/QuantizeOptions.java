package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.option.SessionOptions;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * How a model is quantized.
 *
 * @param threads number of threads that compute, {@link #AUTO_THREADS} for one per processor; the
 *     result does not depend on it
 * @param pure whether all matrices get the same type, instead of the mixture of the {@link
 *     Quantization}
 * @param allowRequantize whether matrices that are quantized already may be quantized again, which
 *     loses more than quantizing the original
 * @param leaveOutputTensor whether {@code output.weight} keeps its type
 * @param outputTensorType the type of {@code output.weight}, or of the token embedding if that is
 *     also the output; one of {@link #TENSOR_TYPES}
 * @param tokenEmbeddingType the type of the token embedding; one of {@link #TENSOR_TYPES}
 * @param tensorTypes types for other tensors; the first one whose pattern matches counts. llama.cpp
 *     only takes them into account for quantized types
 * @param imatrix an importance matrix, as llama-imatrix writes it
 * @param keepSplit whether the result has as many files as the model, instead of one
 * @param bufferSize the most bytes of rows in memory at once, {@link #AUTO_BUFFER_SIZE} for an
 *     eighth of the available RAM, but between 16 MiB and 1 GiB; the result does not depend on it
 */
public record QuantizeOptions(
        int threads,
        boolean pure,
        boolean allowRequantize,
        boolean leaveOutputTensor,
        Optional<GgmlType> outputTensorType,
        Optional<GgmlType> tokenEmbeddingType,
        List<TensorType> tensorTypes,
        Optional<Path> imatrix,
        boolean keepSplit,
        long bufferSize) {
    /** One thread per processor. */
    public static final int AUTO_THREADS = 0;

    /** The most threads. */
    public static final int MAX_THREADS = SessionOptions.MAX_THREADS;

    /** A size that suits the available RAM. */
    public static final long AUTO_BUFFER_SIZE = 0;

    /** The smallest {@link #bufferSize()}, in bytes. */
    public static final long MIN_BUFFER_SIZE = 1 << 20;

    /** The types that llama.cpp can write: those of ggml_quantize_chunk. */
    public static final Set<GgmlType> TENSOR_TYPES =
            EnumSet.allOf(GgmlType.class).stream()
                    .filter(type -> !isUnwritable(type))
                    .collect(Collectors.toUnmodifiableSet());

    private static final QuantizeOptions DEFAULTS =
            new QuantizeOptions(
                    AUTO_THREADS,
                    false,
                    false,
                    false,
                    Optional.empty(),
                    Optional.empty(),
                    List.of(),
                    Optional.empty(),
                    false,
                    AUTO_BUFFER_SIZE);

    /**
     * A type for the tensors whose names match a pattern.
     *
     * @param pattern a regular expression (ECMAScript's) that matches anywhere in the name, for
     *     example {@code ffn_down} or {@code blk\.[0-3]\.}
     * @param type one of {@link #TENSOR_TYPES}
     */
    public record TensorType(String pattern, GgmlType type) {
        public TensorType {
            Objects.requireNonNull(pattern, "pattern");
            Objects.requireNonNull(type, "type");
            if (pattern.isEmpty() || pattern.indexOf('\0') >= 0) {
                throw new IllegalArgumentException(
                        "the pattern of a tensor type is empty or contains a NUL");
            }
            checkType("the type of tensors " + pattern, type);
        }
    }

    public QuantizeOptions {
        if (threads < AUTO_THREADS || threads > MAX_THREADS) {
            throw new IllegalArgumentException(
                    "threads is " + threads + ", must be 0 (automatic) to " + MAX_THREADS);
        }
        if (bufferSize != AUTO_BUFFER_SIZE && bufferSize < MIN_BUFFER_SIZE) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "bufferSize is %d bytes, must be 0 (automatic) or at least %d",
                            bufferSize,
                            MIN_BUFFER_SIZE));
        }
        Objects.requireNonNull(outputTensorType, "outputTensorType");
        Objects.requireNonNull(tokenEmbeddingType, "tokenEmbeddingType");
        outputTensorType.ifPresent(type -> checkType("outputTensorType", type));
        tokenEmbeddingType.ifPresent(type -> checkType("tokenEmbeddingType", type));
        tensorTypes = List.copyOf(Objects.requireNonNull(tensorTypes, "tensorTypes"));
        Objects.requireNonNull(imatrix, "imatrix");
    }

    /** llama.cpp's defaults, except for the size of the buffers. */
    public static QuantizeOptions defaults() {
        return DEFAULTS;
    }

    public QuantizeOptions withThreads(int value) {
        return with(draft -> draft.threads = value);
    }

    public QuantizeOptions withPure(boolean value) {
        return with(draft -> draft.pure = value);
    }

    public QuantizeOptions withAllowRequantize(boolean value) {
        return with(draft -> draft.allowRequantize = value);
    }

    public QuantizeOptions withLeaveOutputTensor(boolean value) {
        return with(draft -> draft.leaveOutputTensor = value);
    }

    public QuantizeOptions withOutputTensorType(GgmlType value) {
        return with(
                draft ->
                        draft.outputTensorType =
                                Optional.of(Objects.requireNonNull(value, "outputTensorType")));
    }

    public QuantizeOptions withTokenEmbeddingType(GgmlType value) {
        return with(
                draft ->
                        draft.tokenEmbeddingType =
                                Optional.of(Objects.requireNonNull(value, "tokenEmbeddingType")));
    }

    public QuantizeOptions withTensorTypes(List<TensorType> value) {
        return with(draft -> draft.tensorTypes = value);
    }

    public QuantizeOptions withImatrix(Path value) {
        return with(draft -> draft.imatrix = Optional.of(Objects.requireNonNull(value, "imatrix")));
    }

    public QuantizeOptions withKeepSplit(boolean value) {
        return with(draft -> draft.keepSplit = value);
    }

    /** Sets the most bytes of rows in memory at once. */
    public QuantizeOptions withBufferSize(long bytes) {
        return with(draft -> draft.bufferSize = bytes);
    }

    /** Types that ggml_quantize_chunk has no case for: it would abort. */
    private static boolean isUnwritable(GgmlType type) {
        return switch (type) {
            case I8, I16, I32, I64, F64, Q8_1, Q8_K -> true;
            default -> type.isRemoved();
        };
    }

    private static void checkType(String what, GgmlType type) {
        if (!TENSOR_TYPES.contains(type)) {
            throw new IllegalArgumentException(
                    "%s is %s, which llama.cpp cannot quantize to".formatted(what, type.label()));
        }
    }

    private QuantizeOptions with(Consumer<Draft> change) {
        Draft draft = new Draft(this);
        change.accept(draft);
        return draft.options();
    }

    /** The components while some of them are replaced. */
    private static final class Draft {
        private int threads;
        private boolean pure;
        private boolean allowRequantize;
        private boolean leaveOutputTensor;
        private Optional<GgmlType> outputTensorType;
        private Optional<GgmlType> tokenEmbeddingType;
        private List<TensorType> tensorTypes;
        private Optional<Path> imatrix;
        private boolean keepSplit;
        private long bufferSize;

        Draft(QuantizeOptions options) {
            threads = options.threads;
            pure = options.pure;
            allowRequantize = options.allowRequantize;
            leaveOutputTensor = options.leaveOutputTensor;
            outputTensorType = options.outputTensorType;
            tokenEmbeddingType = options.tokenEmbeddingType;
            tensorTypes = options.tensorTypes;
            imatrix = options.imatrix;
            keepSplit = options.keepSplit;
            bufferSize = options.bufferSize;
        }

        QuantizeOptions options() {
            return new QuantizeOptions(
                    threads,
                    pure,
                    allowRequantize,
                    leaveOutputTensor,
                    outputTensorType,
                    tokenEmbeddingType,
                    tensorTypes,
                    imatrix,
                    keepSplit,
                    bufferSize);
        }
    }
}
