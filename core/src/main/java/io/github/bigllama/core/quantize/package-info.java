/** The same model in fewer bits, as llama-quantize makes it. */
@NullMarked
package io.github.bigllama.core.quantize;

import org.jspecify.annotations.NullMarked;
