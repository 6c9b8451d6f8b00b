package io.github.bigllama.internal.schema;

/** When a value is made to follow its schema. */
enum Enforcement {
    /** By the grammar alone: keywords that it can't express are refused. */
    WHILE_ANSWERING,
    /** By the grammar as far as possible, and by a validator when the value is complete. */
    CHECKED_LATER
}
