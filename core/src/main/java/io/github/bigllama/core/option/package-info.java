/**
 * Options of models, sessions, answers and sampling: immutable records with {@code with…} methods,
 * checked when they are created, with llama.cpp's defaults.
 */
@NullMarked
package io.github.bigllama.core.option;

import org.jspecify.annotations.NullMarked;
