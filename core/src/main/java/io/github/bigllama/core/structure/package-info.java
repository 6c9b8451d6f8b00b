/** What an answer must be like: a record class, a JSON schema, or a GBNF grammar. */
@NullMarked
package io.github.bigllama.core.structure;

import org.jspecify.annotations.NullMarked;
