package io.github.bigllama.core.quantize;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.ModelFiles;
import io.github.bigllama.core.gguf.TensorInfo;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Finds input that llama_model_quantize would abort on, write wrongly, or refuse only after hours.
 * Each rule names the place in llama.cpp v0.5.0 that it guards.
 */
final class QuantizeCheck {
    /** Tensors that never need an importance matrix: tensor_requires_imatrix. */
    private static final Set<String> WITHOUT_IMATRIX =
            Set.of("token_embd.weight", "per_layer_token_embd.weight", "output.weight");

    private static final Set<String> EMBEDDINGS =
            Set.of("token_embd.weight", "per_layer_token_embd.weight");

    /** tensor_requires_imatrix. */
    private static final Set<GgmlType> NEED_IMATRIX =
            EnumSet.of(
                    GgmlType.IQ3_XXS,
                    GgmlType.IQ2_XXS,
                    GgmlType.IQ2_XS,
                    GgmlType.IQ2_S,
                    GgmlType.IQ1_M,
                    GgmlType.IQ1_S);

    /** ggml_quantize_chunk: GGML_ASSERT(imatrix != NULL), whatever the tensor. */
    private static final Set<GgmlType> ABORT_WITHOUT_IMATRIX =
            EnumSet.of(GgmlType.IQ2_XXS, GgmlType.IQ2_XS, GgmlType.IQ1_S);

    /** llama_tensor_dequantize_impl: types that can't be converted to floats. */
    private static final Set<GgmlType> NOT_CONVERTIBLE =
            EnumSet.of(
                    GgmlType.I8,
                    GgmlType.I16,
                    GgmlType.I32,
                    GgmlType.I64,
                    GgmlType.F64,
                    GgmlType.Q8_1,
                    GgmlType.Q8_K);

    private static final Set<GgmlType> FLOATS =
            EnumSet.of(GgmlType.F32, GgmlType.F16, GgmlType.BF16);

    private final ModelFiles model;
    private final Quantization type;
    private final QuantizeOptions options;

    QuantizeCheck(ModelFiles model, Quantization type, QuantizeOptions options) {
        this.model = model;
        this.type = type;
        this.options = options;
    }

    /**
     * Checks the options and the model before the dry run.
     *
     * @throws IllegalArgumentException if options contradict each other
     * @throws QuantizeException if llama.cpp would abort on the model
     */
    void before() {
        options();
        alignment();
        parts();
        options.tokenEmbeddingType().ifPresent(t -> explicitType(t, EMBEDDINGS));
        if (!options.leaveOutputTensor()) {
            options.outputTensorType().ifPresent(t -> explicitType(t, Set.of("output.weight")));
        }
    }

    /**
     * llama_tensor_get_type ignores the types of single tensors unless the default type is
     * quantized.
     */
    private void options() {
        if (!options.tensorTypes().isEmpty() && !type.isQuantized()) {
            throw new IllegalArgumentException(
                    "types of single tensors only apply to quantized types, llama.cpp ignores "
                            + "them for "
                            + type);
        }
        boolean typed =
                options.outputTensorType().isPresent() || options.tokenEmbeddingType().isPresent();
        if (type == Quantization.COPY && (typed || options.imatrix().isPresent())) {
            throw new IllegalArgumentException(
                    "COPY keeps every tensor as it is: leave out the options for types and the"
                            + " importance matrix");
        }
    }

    /** llama_model_quantize_impl pads to 32 bytes whatever general.alignment it copies. */
    private void alignment() {
        Gguf first = model.first();
        if (first.alignment() != QuantizedHeader.ALIGNMENT) {
            throw refuse(
                    first.path().orElseThrow(),
                    String.format(
                            Locale.ROOT,
                            "general.alignment is %d, but llama.cpp only writes files with an alignment of %d",
                            first.alignment(),
                            QuantizedHeader.ALIGNMENT));
        }
        if (model.tensors().isEmpty()) {
            throw refuse(
                    first.path().orElseThrow(), "has no tensors, so there is nothing to quantize");
        }
    }

    /** gguf_set_val_u16 on ctx_outs[i], which is NULL for a file without tensors. */
    private void parts() {
        List<Gguf> parts = model.parts();
        for (Gguf part : parts.subList(1, parts.size())) {
            if (options.keepSplit() && part.tensors().isEmpty()) {
                throw refuse(
                        part.path().orElseThrow(),
                        "has no tensors, so the split cannot be kept; write one file");
            }
        }
    }

    /** These types are used without tensor_type_fallback, and ggml_row_size asserts. */
    private void explicitType(GgmlType wanted, Set<String> names) {
        int block = wanted.blockSize();
        for (String name : names) {
            TensorInfo tensor = model.tensor(name).orElse(null);
            if (tensor != null && tensor.ne(0) % block != 0) {
                throw refuse(
                        model.first().path().orElseThrow(),
                        String.format(
                                Locale.ROOT,
                                "%s has rows of %d, which is not a multiple of %d as %s needs; choose a type with smaller blocks",
                                name,
                                tensor.ne(0),
                                block,
                                wanted.label()));
            }
        }
    }

    /** After the dry run: why the write would fail, in words for a user. */
    Optional<String> obstacle(
            List<QuantizePlan.Tensor> tensors, @Nullable ImportanceMatrix imatrix) {
        int quantizedAlready = 0;
        TensorInfo example = null;
        for (QuantizePlan.Tensor tensor : tensors) {
            if (!tensor.isConverted()) {
                continue;
            }
            TensorInfo source = tensor.source();
            if (NOT_CONVERTIBLE.contains(source.type())) {
                return Optional.of(
                        "%s is %s, which llama.cpp cannot convert"
                                .formatted(source.name(), source.type().label()));
            }
            // llama_model_quantize_impl computes ne[1] * ne[2] rows, and asserts the size.
            if (source.ne(3) != 1) {
                return Optional.of(
                        "%s has four dimensions, which llama.cpp cannot quantize"
                                .formatted(source.name()));
            }
            if (!FLOATS.contains(source.type())) {
                quantizedAlready++;
                example = example == null ? source : example;
            }
            Optional<String> missing = imatrixObstacle(tensor, imatrix);
            if (missing.isPresent()) {
                return missing;
            }
        }
        if (quantizedAlready > 0 && !options.allowRequantize()) {
            return Optional.of(
                    String.format(
                            Locale.ROOT,
                            "%d of its tensors are quantized already, %s to %s: quantize the original in F16, BF16 or F32, or allow it with allowRequantize (--allow-requantize), which loses more",
                            quantizedAlready,
                            example.name(),
                            example.type().label()));
        }
        return imatrix == null ? Optional.empty() : strangerObstacle(imatrix);
    }

    private Optional<String> imatrixObstacle(
            QuantizePlan.Tensor tensor, @Nullable ImportanceMatrix imatrix) {
        TensorInfo source = tensor.source();
        MemorySegment values = imatrix == null ? null : imatrix.values().get(source.name());
        long wanted = source.ne(0) * source.ne(2);
        if (values != null && values.byteSize() != wanted * Float.BYTES) {
            if (!EMBEDDINGS.contains(source.name())) {
                return Optional.of(
                        String.format(
                                Locale.ROOT,
                                "the importance matrix '%s' has %d values for %s, which has %d columns: it was made for another model",
                                imatrix.file(),
                                values.byteSize() / Float.BYTES,
                                source.name(),
                                wanted));
            }
            values = null;
        }
        if (values == null && needsImatrix(tensor)) {
            return Optional.of(
                    "%s is to become %s, which needs an importance matrix, and %s; choose a type of more bits, or another type for this tensor"
                            .formatted(
                                    source.name(),
                                    tensor.type().label(),
                                    imatrix == null
                                            ? "there is none (imatrix, --imatrix)"
                                            : "'%s' does not have it".formatted(imatrix.file())));
        }
        return Optional.empty();
    }

    private boolean needsImatrix(QuantizePlan.Tensor tensor) {
        if (ABORT_WITHOUT_IMATRIX.contains(tensor.type())) {
            return true;
        }
        boolean q2ks = type == Quantization.Q2_K_S && tensor.type() == GgmlType.Q2_K;
        return !WITHOUT_IMATRIX.contains(tensor.source().name())
                && (q2ks || NEED_IMATRIX.contains(tensor.type()));
    }

    /** llama.cpp only logs tensors that it does not find. */
    private Optional<String> strangerObstacle(ImportanceMatrix imatrix) {
        return imatrix.values().keySet().stream().anyMatch(name -> model.tensor(name).isPresent())
                ? Optional.empty()
                : Optional.of(
                        String.format(
                                Locale.ROOT,
                                "none of the %d tensors of the importance matrix '%s' is in the model: the matrix was made for another model",
                                imatrix.values().size(),
                                imatrix.file()));
    }

    private static QuantizeException refuse(Path path, String message) {
        return new QuantizeException(path, path + ": " + message);
    }
}
