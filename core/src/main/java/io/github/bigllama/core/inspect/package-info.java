/** What a model is, from its headers alone. */
@NullMarked
package io.github.bigllama.core.inspect;

import org.jspecify.annotations.NullMarked;
