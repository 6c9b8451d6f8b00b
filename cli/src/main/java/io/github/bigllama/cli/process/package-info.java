/** The process and the system: exit codes, signals, terminals, standard error as a log. */
package io.github.bigllama.cli.process;
