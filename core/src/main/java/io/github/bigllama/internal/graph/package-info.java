/**
 * The nodes of llama.cpp's graphs: the callback through which the pager follows a computation, the
 * experts that it will choose, and how it computes with experts that are not where their weight is.
 */
package io.github.bigllama.internal.graph;
