/** The form that an answer must have: that of a Java record, a JSON schema, or a GBNF grammar. */
@NullMarked
package io.github.bigllama.core.structure;

import org.jspecify.annotations.NullMarked;
