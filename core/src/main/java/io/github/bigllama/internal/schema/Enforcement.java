package io.github.bigllama.internal.schema;

/** When it is seen to that a value is of its schema. */
enum Enforcement {
    /** By the grammar alone: what it can't express is refused. */
    WHILE_ANSWERING,
    /** By the grammar as far as it can, and by a validator when the value is there. */
    CHECKED_LATER
}
