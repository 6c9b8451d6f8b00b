package io.github.bigllama.internal.engine;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;

/** The sequences of a context, which share the cells of its KV cache. Not thread-safe. */
final class Sequences {
    private final MemorySegment memory;
    private final int window;

    /** The open sequences by id; null for unused ids. */
    private final Sequence[] byId;

    /**
     * Begins without sequences.
     *
     * @param most the most sequences
     * @param window see {@link Sequence}
     */
    Sequences(int most, MemorySegment memory, int window) {
        this.memory = memory;
        this.window = window;
        byId = new Sequence[most];
    }

    /**
     * Opens an empty sequence.
     *
     * @throws IllegalStateException if all sequences are in use
     */
    Sequence open() {
        for (int id = 0; id < byId.length; id++) {
            if (byId[id] == null) {
                byId[id] = new Sequence(id, memory, window);
                return byId[id];
            }
        }
        throw new IllegalStateException(
                String.format(
                        Locale.ROOT,
                        "the context has %d %s, all in use; open it with SessionOptions.withSequences",
                        byId.length,
                        byId.length == 1 ? "sequence" : "sequences"));
    }

    /** Frees the cells of a sequence that no other one shares. */
    void close(Sequence sequence) {
        sequence.clear();
        byId[sequence.id()] = null;
        if (count() == 1) {
            all().forEach(Sequence::unshare);
        }
    }

    /** Number of open sequences. */
    int count() {
        return (int) all().count();
    }

    /** Notes whether a computation has finished moving tokens; see {@link Sequence#moved}. */
    void moved(boolean isDone) {
        all().forEach(sequence -> sequence.moved(isDone));
    }

    private Stream<Sequence> all() {
        return Arrays.stream(byId).filter(Objects::nonNull);
    }
}
