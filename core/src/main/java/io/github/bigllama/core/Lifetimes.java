package io.github.bigllama.core;

import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.stream.Collectors;

/** What is open of a model, which must outlast all of it. Not thread-safe; the model locks. */
final class Lifetimes {
    /** Most that a message names. */
    private static final int NAMED = 8;

    private final Set<Lifetime> open = new LinkedHashSet<>();

    void add(Lifetime lifetime) {
        open.add(lifetime);
    }

    void remove(Lifetime lifetime) {
        open.remove(lifetime);
    }

    /**
     * Requires that nothing is open any more.
     *
     * @throws IllegalStateException if something is; it says what, and where it was opened
     */
    void requireNone(Path model) {
        if (!open.isEmpty()) {
            throw new IllegalStateException(
                    model
                            + " cannot be closed before what uses it ("
                            + open.size()
                            + "): "
                            + open.stream()
                                    .map(Lifetime::toString)
                                    .distinct()
                                    .limit(NAMED)
                                    .collect(Collectors.joining(", ")));
        }
    }
}
