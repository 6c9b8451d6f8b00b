package io.github.bigllama.internal.pagecache;

import io.github.bigllama.core.exception.NativeLoadException;
import java.lang.foreign.MemorySegment;

/** Checks Java's permission to call native code. */
public final class NativeAccess {
    private NativeAccess() {}

    /**
     * Requires the permission now; otherwise a class would fail to initialize much later.
     *
     * @throws NativeLoadException if it is denied; the message names the option of Java
     */
    @SuppressWarnings("restricted")
    public static void require() {
        try {
            MemorySegment.NULL.reinterpret(0);
        } catch (IllegalCallerException e) {
            throw new NativeLoadException(
                    "Java denies native access to bigllama; start it with"
                            + " --enable-native-access=ALL-UNNAMED, or where bigllama is on the"
                            + " module path with"
                            + " --enable-native-access=io.github.bigllama.core,io.github.bigllama.bindings",
                    e);
        }
    }
}
