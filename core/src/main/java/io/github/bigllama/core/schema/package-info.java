/**
 * JSON schemas: what llama.cpp can hold an answer to, and the schemas of Java types. Not exported.
 *
 * <p>A schema is rewritten to the part that llama.cpp's converter translates faithfully, and what
 * is left is refused: the converter itself drops or mistranslates many keywords without a word.
 */
package io.github.bigllama.core.schema;
