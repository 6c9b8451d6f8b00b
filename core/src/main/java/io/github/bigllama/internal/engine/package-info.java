/**
 * The layer between the public classes and llama.cpp: contexts and their sequences, the passes that
 * they share, and sampling.
 */
package io.github.bigllama.internal.engine;
