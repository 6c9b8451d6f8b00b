package io.github.bigllama.core.forecast;

import io.github.bigllama.core.quantize.Quantization;
import java.util.Optional;

/**
 * A model in another quantization.
 *
 * @param type the quantization
 * @param size bytes of all weights, with llama.cpp's own choice of types
 * @param bitsPerWeight bits per weight, scales of the blocks included
 * @param speed how long a token would take if the CPU computes as many bytes per second as now;
 *     empty if there is too little RAM
 */
public record QuantizedForecast(
        Quantization type, long size, double bitsPerWeight, Optional<Speed> speed) {}
