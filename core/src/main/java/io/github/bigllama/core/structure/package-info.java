/** What an answer must be like: a record class, a JSON schema, or a GBNF grammar. */
package io.github.bigllama.core.structure;
