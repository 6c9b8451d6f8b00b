package io.github.bigllama.internal.llama;

import java.lang.foreign.MemorySegment;

/**
 * A public noun that owns something native. Other rooms of this module reach the pointer through
 * {@link #pointerOf}; users of the noun don't, because this package is not exported.
 */
public abstract class NativeOwner {
    private final NativeHandle handle;

    protected NativeOwner(NativeHandle handle) {
        this.handle = handle;
    }

    /**
     * The pointer, still owned by {@code owner}; {@link IllegalStateException} once it is closed.
     */
    public static MemorySegment pointerOf(NativeOwner owner) {
        return owner.handle.pointer();
    }
}
