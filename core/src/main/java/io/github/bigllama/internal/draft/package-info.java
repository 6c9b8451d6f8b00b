/** Guesses the next tokens, which a model then checks in one pass. */
package io.github.bigllama.internal.draft;
