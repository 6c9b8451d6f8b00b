package io.github.bigllama.internal.llama;

import java.lang.foreign.MemorySegment;

/**
 * The superclass of public classes that own a native pointer. Other packages of this module get the
 * pointer with {@link #pointerOf}; users can't, because this package is not exported.
 */
public abstract class NativeOwner {
    private final NativeHandle handle;

    protected NativeOwner(NativeHandle handle) {
        this.handle = handle;
    }

    /**
     * The pointer, which {@code owner} still owns; {@link IllegalStateException} once it is closed.
     */
    public static MemorySegment pointerOf(NativeOwner owner) {
        return owner.handle.pointer();
    }
}
