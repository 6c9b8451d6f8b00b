package io.github.bigllama.core.forecast;

import io.github.bigllama.core.quantize.Quantization;
import java.util.Optional;

/**
 * A model in another quantization.
 *
 * @param type the quantization
 * @param size bytes of all weights, by llama.cpp's own choice of types
 * @param bitsPerWeight with the scales of the blocks
 * @param speed how long a token would take, if the CPU gets through as many bytes a second; empty
 *     if there is too little RAM
 */
public record QuantizedForecast(
        Quantization type, long size, double bitsPerWeight, Optional<Speed> speed) {}
