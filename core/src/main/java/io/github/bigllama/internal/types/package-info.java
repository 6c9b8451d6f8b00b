/** The JSON schemas of Java types, as Jackson reads them. */
package io.github.bigllama.internal.types;
