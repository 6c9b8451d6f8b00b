/** How well a model predicts a text, and how far it is from another. */
@NullMarked
package io.github.bigllama.core.eval;

import org.jspecify.annotations.NullMarked;
