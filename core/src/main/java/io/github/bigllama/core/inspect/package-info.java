/** Summaries of models, from their headers alone. */
@NullMarked
package io.github.bigllama.core.inspect;

import org.jspecify.annotations.NullMarked;
