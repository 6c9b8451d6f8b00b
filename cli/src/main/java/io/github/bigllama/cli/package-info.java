/**
 * The program {@code bigllama}: the entry point, the list of commands, and exit codes.
 *
 * <p>Arrows between the packages go one way: from here to {@code command}; from there to {@code
 * chat} and {@code option}; from those to {@code models}, {@code output} and {@code process}.
 */
package io.github.bigllama.cli;
