/**
 * Options of models, sessions, answers and sampling: records with withers, checked when they are
 * made, with llama.cpp's defaults.
 */
@NullMarked
package io.github.bigllama.core.option;

import org.jspecify.annotations.NullMarked;
