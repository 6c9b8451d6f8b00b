/** The commands, one class each. Its name in the shell is the name of the class. */
package io.github.bigllama.cli.command;
