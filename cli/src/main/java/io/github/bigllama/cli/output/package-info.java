/** Printing: tables, progress, numbers, JSON. */
package io.github.bigllama.cli.output;
