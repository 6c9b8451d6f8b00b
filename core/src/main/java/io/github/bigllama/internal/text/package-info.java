/** Converts bytes to characters and to text that is safe to show. */
package io.github.bigllama.internal.text;
