package io.github.bigllama.internal.llama;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * The owner of a native pointer: one arena and one free function, which is called once. Native
 * pointers are owned only here.
 *
 * <p>The arena is shared, so a call under way on another thread keeps the pointer alive: closing
 * then fails instead of freeing it.
 */
@SuppressWarnings("restricted")
public final class NativeHandle implements AutoCloseable {
    private final String noun;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment pointer;
    private boolean closed;

    /**
     * Takes ownership of a pointer.
     *
     * @param noun what the pointer stands for, in messages: "session of model.gguf"
     * @param raw the pointer, not NULL
     * @param free the C function that frees it
     */
    public NativeHandle(String noun, MemorySegment raw, Consumer<MemorySegment> free) {
        if (raw.equals(MemorySegment.NULL)) {
            throw new IllegalArgumentException(noun + ": NULL");
        }
        this.noun = noun;
        this.pointer = raw.reinterpret(arena, free);
    }

    /** The pointer; {@link IllegalStateException} after close. */
    public MemorySegment pointer() {
        if (!arena.scope().isAlive()) {
            throw new IllegalStateException(noun + " is closed");
        }
        return pointer;
    }

    /** A pointer into memory that this handle owns: it becomes invalid with the handle. */
    public MemorySegment borrow(MemorySegment inner) {
        pointer();
        return inner.reinterpret(arena, null);
    }

    public boolean isClosed() {
        return !arena.scope().isAlive();
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        try {
            arena.close();
        } catch (IllegalStateException e) {
            throw new IllegalStateException(
                    noun + " is in use by another thread; let its call finish, then close it", e);
        }
        closed = true;
    }
}
