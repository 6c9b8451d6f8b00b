/**
 * The pieces of a model, the order in which a pass uses them, and which of them are to stay in RAM:
 * decided here by sizes alone, and carried out by the pager.
 */
package io.github.bigllama.internal.pieces;
