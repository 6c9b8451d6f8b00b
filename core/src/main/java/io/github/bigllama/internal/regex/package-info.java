/** Regular expressions of JSON schemas, translated for grammars. */
package io.github.bigllama.internal.regex;
