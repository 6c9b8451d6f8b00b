package io.github.bigllama.internal.engine;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The sequences of a context, which share the cells of its KV cache. Thread-safe. */
final class Sequences {
    private final MemorySegment memory;
    private final @Nullable MemorySegment follower;
    private final int window;
    private final boolean isRecurrent;

    /** The open sequences by id; null for unused ids. */
    private final Sequence[] byId;

    private boolean isClosed;

    /**
     * Begins without sequences.
     *
     * @param most the most sequences
     * @param follower see {@link Sequence}; null for none
     * @param window see {@link Sequence}
     * @param isRecurrent whether the memory has states that can't go back
     */
    Sequences(
            int most,
            MemorySegment memory,
            @Nullable MemorySegment follower,
            int window,
            boolean isRecurrent) {
        this.memory = memory;
        this.follower = follower;
        this.window = window;
        this.isRecurrent = isRecurrent;
        byId = new Sequence[most];
    }

    /**
     * Opens an empty sequence; none if the last one has been closed, and with it the context.
     *
     * @throws IllegalStateException if all sequences are in use
     */
    synchronized Optional<Sequence> open() {
        if (isClosed) {
            return Optional.empty();
        }
        for (int id = 0; id < byId.length; id++) {
            if (byId[id] == null) {
                byId[id] = new Sequence(id, memory, follower, window, isRecurrent);
                return Optional.of(byId[id]);
            }
        }
        throw new IllegalStateException(
                String.format(
                        Locale.ROOT,
                        "the context has %d %s, all in use; close a session, or open them with a larger SessionOptions.withSequences",
                        byId.length,
                        byId.length == 1 ? "sequence" : "sequences"));
    }

    /** Gives back the id of an empty sequence; true if it was the last one. */
    synchronized boolean close(Sequence sequence) {
        byId[sequence.id()] = null;
        isClosed = all().isEmpty();
        return isClosed;
    }

    /** The open sequences. */
    synchronized List<Sequence> all() {
        return Arrays.stream(byId).filter(Objects::nonNull).toList();
    }
}
