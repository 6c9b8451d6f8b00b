package io.github.bigllama.internal.check;

import io.github.bigllama.core.gguf.GgmlType;
import io.github.bigllama.core.gguf.Gguf;
import io.github.bigllama.core.gguf.TensorInfo;
import io.github.bigllama.internal.text.Text;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * Checks the tensors of one file for properties that crash the CPU backend, on which any tensor may
 * end up.
 */
final class TensorCheck {
    /** TENSOR_ALIGNMENT in ggml-impl.h. */
    private static final int BUFFER_ALIGNMENT = 32;

    /** The types without vec_dot in type_traits_cpu, ggml-cpu.c: a call to NULL in mul_mat. */
    static final Set<GgmlType> NEVER_MULTIPLIED =
            EnumSet.of(
                    GgmlType.I8,
                    GgmlType.I16,
                    GgmlType.I32,
                    GgmlType.I64,
                    GgmlType.F64,
                    GgmlType.Q8_1,
                    GgmlType.Q8_K);

    /** The one matrix of integers: DeepSeek 4's table from tokens to experts. */
    private static final Pattern INTEGER_MATRIX = Pattern.compile(".*tid2eid.*");

    /**
     * Factors and summands of activations, which are F32 on the CPU; any other type causes
     * GGML_ABORT ("unsupported types") in binary_op, or GGML_ASSERT in rope, ssm_conv and soft_max.
     * The converter writes them as F32 whatever the file's type.
     */
    private static final Pattern ALWAYS_F32 =
            Pattern.compile(
                    "(.*[._])?(attn|ffn|output|post_attention|post_ffw|q|k|q_a|kv_a|embd|layer_output"
                            + "|ssm|ssm_dt|ssm_b|ssm_c)_norm(_[12]|_exps)?[.]weight"
                            + "|.*[.](attn|ffn)_\\w+[.]bias|(.*[._])?(output|embd)_norm[.]bias"
                            + "|rope_(freqs|factors_long|factors_short)[.]weight|token_types[.]weight"
                            + "|blk[.]\\d+[.](attn_sinks[.]weight|exp_probs_b[.]bias|shortconv[.]conv[.]weight"
                            + "|ssm_conv1d[.](weight|bias)|ssm_dt[.]bias|ssm_a|ssm_d"
                            + "|ffn_norm|time_mix_ln[.](weight|bias)|time_mix_(key|value|receptance)[.]bias"
                            + "|time_mix_([wav]0|k_k|k_a|r_k|first|decay|lerp_\\w+)[.]weight"
                            + "|channel_mix_lerp_[kr][.]weight)");

    private final Gguf file;
    private final Hyperparameters values;

    TensorCheck(Gguf file, Hyperparameters values) {
        this.file = file;
        this.values = values;
    }

    void check() {
        for (TensorInfo tensor : file.tensors()) {
            notEmpty(tensor);
            usable(tensor);
            aligned(tensor);
        }
    }

    /** ggml_is_transposed and ggml_can_repeat return wrong results for empty rows. */
    private void notEmpty(TensorInfo tensor) {
        if (tensor.shape().contains(0L)) {
            throw values.refuse(
                    "tensor %s has no elements: %s"
                            .formatted(Text.quote(tensor.name()), tensor.shape()));
        }
    }

    private void usable(TensorInfo tensor) {
        // Those of one row are multiplied with, too, element by element or as a matrix.
        if (tensor.name().endsWith(".weight")
                && NEVER_MULTIPLIED.contains(tensor.type())
                && !INTEGER_MATRIX.matcher(tensor.name()).matches()) {
            throw values.refuse(
                    "tensor %s has type %s, which llama.cpp cannot multiply with"
                            .formatted(Text.quote(tensor.name()), tensor.type().label()));
        }
        if (tensor.type() != GgmlType.F32 && ALWAYS_F32.matcher(tensor.name()).matches()) {
            throw values.refuse(
                    "tensor %s has type %s, llama.cpp needs f32 there"
                            .formatted(Text.quote(tensor.name()), tensor.type().label()));
        }
    }

    /** ggml_backend_cpu_buffer_from_ptr: GGML_ASSERT(ptr % TENSOR_ALIGNMENT == 0), when mapped. */
    private void aligned(TensorInfo tensor) {
        long at = file.dataOffset() + tensor.offset();
        if (at % BUFFER_ALIGNMENT != 0) {
            throw values.refuse(
                    String.format(
                            Locale.ROOT,
                            "tensor %s starts at byte %d of '%s', llama.cpp needs a multiple of %d (general.alignment is %d)",
                            Text.quote(tensor.name()),
                            at,
                            file.fileName(),
                            BUFFER_ALIGNMENT,
                            file.alignment()));
        }
    }
}
