/** How well a model predicts a text, and how far its predictions are from another model's. */
@NullMarked
package io.github.bigllama.core.eval;

import org.jspecify.annotations.NullMarked;
