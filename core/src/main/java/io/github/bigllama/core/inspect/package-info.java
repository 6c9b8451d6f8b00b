/** What a model is, from its headers alone. */
package io.github.bigllama.core.inspect;
