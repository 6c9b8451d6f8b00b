/**
 * What a model is cut into, in which order a pass uses it, and what of it is to stay in RAM:
 * decided here by sizes alone, carried out by the pager.
 */
package io.github.bigllama.internal.pieces;
