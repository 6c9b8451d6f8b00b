/**
 * JSON schemas that llama.cpp can enforce in an answer.
 *
 * <p>A schema is rewritten to the part that llama.cpp's converter translates faithfully, and other
 * keywords are refused: the converter itself silently drops or mistranslates many.
 */
package io.github.bigllama.internal.schema;
