/**
 * Loads a model, and decides its memory: what must fit into RAM, how much is left for weights, and
 * what a context would take, which a dry run of llama.cpp tells.
 */
package io.github.bigllama.internal.load;
