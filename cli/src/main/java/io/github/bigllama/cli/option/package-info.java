/** Options that several commands have, and the records of the library that they stand for. */
package io.github.bigllama.cli.option;
