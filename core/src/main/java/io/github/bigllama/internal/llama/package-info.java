/**
 * How Java holds what is native: the library, handles, the log, the vocabulary, and the calls of
 * llama.cpp's C++ libraries.
 */
package io.github.bigllama.internal.llama;
