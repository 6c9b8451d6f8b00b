/**
 * The threads of a computation: how many compute, on which cores, how they are stopped, and who
 * waits for them.
 */
package io.github.bigllama.internal.threads;
