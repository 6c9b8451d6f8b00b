/** From bytes to characters, and to what may be shown. */
package io.github.bigllama.internal.text;
