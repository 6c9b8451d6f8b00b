/** Artificial models for measurements and tests. */
package io.github.bigllama.internal.synthetic;
