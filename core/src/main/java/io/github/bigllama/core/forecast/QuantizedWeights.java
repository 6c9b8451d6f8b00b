package io.github.bigllama.core.forecast;

import io.github.bigllama.core.quantize.Quantization;
import io.github.bigllama.core.quantize.QuantizeException;
import io.github.bigllama.core.quantize.QuantizeOptions;
import io.github.bigllama.core.quantize.QuantizePlan;
import io.github.bigllama.core.quantize.Quantizer;
import io.github.bigllama.core.residency.Weight;
import io.github.bigllama.core.residency.Weights;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The weights that a model would have in another quantization, with the types that llama.cpp would
 * choose.
 */
final class QuantizedWeights {
    /** Alignment of tensors, in bytes. */
    private static final long ALIGNMENT = 32;

    private QuantizedWeights() {}

    /**
     * Computes the weights in another quantization.
     *
     * @param headers the files of the model, or files with only its headers
     * @throws QuantizeException if llama.cpp can't quantize such a model
     */
    static Weights of(Path headers, Weights weights, Quantization type) {
        QuantizePlan plan =
                Quantizer.of(headers, type, QuantizeOptions.defaults().withAllowRequantize(true))
                        .plan();
        Map<String, QuantizePlan.Tensor> tensors = new HashMap<>();
        plan.tensors().forEach(tensor -> tensors.put(tensor.source().name(), tensor));
        Map<Weight, Weight> moved = new HashMap<>();
        long end = 0;
        int file = -1;
        for (Weight weight : inFileOrder(weights)) {
            QuantizePlan.Tensor tensor = tensors.get(weight.name());
            long offset =
                    weight.file() == file
                            ? (end + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT
                            : weight.offset();
            file = weight.file();
            end = offset + tensor.size();
            moved.put(
                    weight,
                    new Weight(
                            weight.name(),
                            weight.file(),
                            offset,
                            tensor.size(),
                            weight.layer(),
                            tensor.type(),
                            weight.use(),
                            weight.slices(),
                            weight.columns()));
        }
        return new Weights(
                weights.files(),
                weights.all().stream().map(moved::get).toList(),
                weights.expertsUsed());
    }

    private static List<Weight> inFileOrder(Weights weights) {
        List<Weight> all = new ArrayList<>(weights.all());
        all.sort(Comparator.comparingInt(Weight::file).thenComparingLong(Weight::offset));
        return all;
    }
}
