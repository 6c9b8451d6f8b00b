package io.github.bigllama.internal.schema;

/** No value at all is allowed at a place of a schema. */
final class Unsatisfiable extends IllegalArgumentException {
    private static final long serialVersionUID = 1;

    Unsatisfiable(String pointer, String reason) {
        super(pointer + ": " + reason);
    }
}
