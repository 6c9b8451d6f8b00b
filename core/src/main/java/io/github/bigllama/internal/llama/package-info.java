/**
 * Access to native code: the library, handles, the log, the vocabulary, and calls of llama.cpp's
 * C++ libraries.
 */
package io.github.bigllama.internal.llama;
