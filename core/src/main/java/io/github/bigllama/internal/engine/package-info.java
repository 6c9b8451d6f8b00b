/**
 * The layer between the public classes and llama.cpp: contexts and their sequences, sampling, and
 * the callback through which the pager follows a computation.
 */
package io.github.bigllama.internal.engine;
