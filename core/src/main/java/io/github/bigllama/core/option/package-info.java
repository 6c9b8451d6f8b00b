/**
 * Options of models, sessions, answers and sampling: records with withers, checked when they are
 * made, with llama.cpp's defaults.
 */
package io.github.bigllama.core.option;
