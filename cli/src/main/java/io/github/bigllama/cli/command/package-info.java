/** The commands, one class each, named after the command. */
package io.github.bigllama.cli.command;
