/**
 * Errors in llama.cpp or before it. Packages with errors of their own extend {@link
 * io.github.bigllama.core.exception.LlamaException} themselves.
 */
@NullMarked
package io.github.bigllama.core.exception;

import org.jspecify.annotations.NullMarked;
