/** How well a model predicts a text, and how far it is from another. */
package io.github.bigllama.core.eval;
