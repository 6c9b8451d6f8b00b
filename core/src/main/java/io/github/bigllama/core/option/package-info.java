/**
 * Options of models, sessions, answers and sampling: immutable records with {@code with…} methods,
 * checked when they are created, with llama.cpp's defaults. An option out of range throws {@link
 * java.lang.IllegalArgumentException} with its name, its value and the allowed range, a null one
 * {@link java.lang.NullPointerException}.
 */
@NullMarked
package io.github.bigllama.core.option;

import org.jspecify.annotations.NullMarked;
