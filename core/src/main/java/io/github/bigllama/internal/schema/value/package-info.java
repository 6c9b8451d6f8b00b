/** Single values of a schema: formats, patterns, ranges of numbers, and the check of a value. */
package io.github.bigllama.internal.schema.value;
