/** Quantization: writes a model with fewer bits per weight, as llama-quantize does. */
@NullMarked
package io.github.bigllama.core.quantize;

import org.jspecify.annotations.NullMarked;
