/**
 * The program {@code bigllama}: where it starts, which commands there are, and how it ends.
 *
 * <p>Arrows between the packages go one way: from here to {@code command}; from there to {@code
 * chat} and {@code option}; from those to {@code models}, {@code output} and {@code process}.
 */
package io.github.bigllama.cli;
