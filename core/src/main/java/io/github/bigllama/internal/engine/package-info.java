/**
 * Between the public nouns and llama.cpp: contexts and their sequences, sampling, loading, what
 * fits into RAM, and the callback through which the pager follows a computation.
 */
package io.github.bigllama.internal.engine;
