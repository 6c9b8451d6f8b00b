/**
 * Memory of our own for weights: slabs of huge pages, divided into slots, each of which holds a
 * piece of a model.
 */
package io.github.bigllama.internal.arena;
