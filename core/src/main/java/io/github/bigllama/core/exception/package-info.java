/**
 * What goes wrong in llama.cpp or before it. Rooms with failures of their own extend {@link
 * io.github.bigllama.core.exception.LlamaException} where they are.
 */
@NullMarked
package io.github.bigllama.core.exception;

import org.jspecify.annotations.NullMarked;
