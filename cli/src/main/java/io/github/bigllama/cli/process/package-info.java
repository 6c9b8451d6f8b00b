/** What the system gives a process: exit codes, signals, terminals, standard error as a log. */
package io.github.bigllama.cli.process;
