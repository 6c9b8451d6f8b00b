/** Regular expressions of JSON schemas, as rules of a grammar. */
package io.github.bigllama.internal.regex;
