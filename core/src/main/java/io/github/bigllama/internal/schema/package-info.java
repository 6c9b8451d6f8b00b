/**
 * JSON schemas, as llama.cpp can hold an answer to them.
 *
 * <p>A schema is rewritten to the part that llama.cpp's converter translates faithfully, and what
 * is left is refused: the converter itself drops or mistranslates many keywords without a word.
 */
package io.github.bigllama.internal.schema;
