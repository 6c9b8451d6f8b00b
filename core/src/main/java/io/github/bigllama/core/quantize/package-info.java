/** The same model in fewer bits, as llama-quantize makes it. */
package io.github.bigllama.core.quantize;
